import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { folderNames, type KnownFolders } from "../../src/store/folder-names.ts";

const emptyFolder = () => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-folder-"));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
};

test("a folder that has settled is not read again until its time changes", () => {
  using folder = emptyFolder();
  const known: KnownFolders = new Map();
  writeFileSync(join(folder.dir, "a"), "");
  utimesSync(folder.dir, 1_000, 1_000);
  const first = folderNames(folder.dir, known);
  expect(first).toEqual(["a"]);
  expect(folderNames(folder.dir, known)).toBe(first);
  writeFileSync(join(folder.dir, "b"), "");
  expect(folderNames(folder.dir, known).sort()).toEqual(["a", "b"]);
  rmSync(join(folder.dir, "a"));
  expect(folderNames(folder.dir, known)).toEqual(["b"]);
});

test("one that has just changed is read every time: the next change may have the same time", () => {
  using folder = emptyFolder();
  const known: KnownFolders = new Map();
  const now = new Date();
  utimesSync(folder.dir, now, now);
  expect(folderNames(folder.dir, known)).toEqual([]);
  writeFileSync(join(folder.dir, "a"), "");
  utimesSync(folder.dir, now, now);
  expect(folderNames(folder.dir, known)).toEqual(["a"]);
});

test("a folder that is not there is an error of the file system", () => {
  using folder = emptyFolder();
  expect(() => folderNames(join(folder.dir, "none"), new Map())).toThrow("ENOENT");
});
