import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EmbeddedFile } from "../../src/native/embedded.ts";
import { extract } from "../../src/native/extract.ts";

let dir: string;
let files: EmbeddedFile[];

const embed = (name: string, text: string): EmbeddedFile => {
  const path = join(dir, "source", name);
  writeFileSync(path, text);
  return {
    name,
    path,
    sha256: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
    sizeBytes: Buffer.byteLength(text),
  };
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-extract-"));
  mkdirSync(join(dir, "source"));
  files = [embed("liba.so", "library a"), embed("bridge.node", "the bridge")];
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const run = () => extract(files, join(dir, "cache"), "linux-x64");

test("files are written once into a private folder", async () => {
  const target = await run();
  expect(readFileSync(join(target, "bridge.node"), "utf8")).toBe("the bridge");
  expect(statSync(join(target, "..")).mode & 0o777).toBe(0o700);
  const before = statSync(join(target, "liba.so")).ino;
  expect(await run()).toBe(target);
  expect(statSync(join(target, "liba.so")).ino).toBe(before);
});

test("a file that somebody changed is replaced, also when size and time are the same", async () => {
  const target = await run();
  const path = join(target, "liba.so");
  const { mtime } = statSync(path);
  rmSync(path);
  writeFileSync(path, "LIBRARY A");
  utimesSync(path, mtime, mtime);
  await run();
  expect(readFileSync(path, "utf8")).toBe("library a");
});

test("a missing file is put back", async () => {
  const target = await run();
  rmSync(join(target, "bridge.node"));
  await run();
  expect(readdirSync(target).sort()).toEqual([".verified", "bridge.node", "liba.so"]);
});

test("other files make another folder", async () => {
  const first = await run();
  files = [embed("liba.so", "library b")];
  expect(await run()).not.toBe(first);
});

test("a folder open to others is closed to them", async () => {
  const target = await run();
  chmodSync(join(target, ".."), 0o777);
  await run();
  expect(statSync(join(target, "..")).mode & 0o777).toBe(0o700);
});

test("many at once end with one whole folder and no left-overs", async () => {
  const targets = await Promise.all(Array.from({ length: 8 }, run));
  const [target = ""] = targets;
  expect(new Set(targets).size).toBe(1);
  expect(readdirSync(join(target, ".."))).toEqual(["linux-x64"]);
  expect(readFileSync(join(target, "liba.so"), "utf8")).toBe("library a");
});
