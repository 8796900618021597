import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { variables } from "../../src/config/variables.ts";

const root = join(import.meta.dir, "../..");
const names = variables.map(({ name }) => name);

/** What `src/config` reads, by the ways in which it does. */
const readByCode = (): Set<string> => {
  const files = [...new Glob("src/config/*.ts").scanSync(root)].filter((file) => !file.endsWith("variables.ts"));
  const text = files.map((file) => readFileSync(join(root, file), "utf8")).join("\n");
  const found = [...text.matchAll(/\benv\.([A-Z][A-Z0-9_]+)|\(env, "([A-Z][A-Z0-9_]+)"/g)].map(
    ([, a, b]) => a ?? b ?? "",
  );
  return new Set(found);
};

/** Where the user's folders are is the system's to say, not a setting of llmlb. */
const ofTheSystem = ["HOME", "USERPROFILE"];

/** Read elsewhere: by the terminal's code, by Bun itself, by the proxy's rules, by install.sh. */
const readElsewhere = [
  "NO_COLOR",
  "SSL_CERT_FILE",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  ...variables.filter(({ group }) => group === "install.sh").map(({ name }) => name),
];

test("the table has every variable that the code reads, and no other", () => {
  const read = readByCode();
  expect(read.size).toBeGreaterThan(25);
  expect([...read].filter((name) => !names.includes(name) && !ofTheSystem.includes(name))).toEqual([]);
  expect(names.filter((name) => !read.has(name) && !readElsewhere.includes(name))).toEqual([]);
});

test("no name stands there twice", () => expect(new Set(names).size).toBe(names.length));

test("the README names no variable that the table does not know", () => {
  const mentioned = readFileSync(join(root, "README.md"), "utf8").match(/\b(LLMLB|HF)_[A-Z0-9_]+\b/g) ?? [];
  expect(mentioned.length).toBeGreaterThan(20);
  expect([...new Set(mentioned)].filter((name) => !names.includes(name))).toEqual([]);
});
