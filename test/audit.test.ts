import { expect, test } from "bun:test";
import { readAudit } from "../scripts/audit/ask-registry.ts";
import { checkLockfile, type LockedPackage, type PackageJson } from "../scripts/audit/check-lockfile.ts";

const sound: LockedPackage = { version: "1.0.0", integrity: "sha512-x", license: "MIT" };

const complaints = (entry: LockedPackage, more: { packageJson?: PackageJson; npmrc?: string; path?: string } = {}) => {
  const { packageJson = {}, npmrc = "strict-allow-scripts=true\n", path = "node_modules/a" } = more;
  const lockfile = { lockfileVersion: 3, packages: { "": {}, [path]: entry } };
  return checkLockfile({ packageJson, lockfile, npmrc });
};

test("a package with a hash and a licence that is known is sound", () => {
  expect(complaints(sound)).toEqual([]);
  expect(complaints({ ...sound, resolved: "https://registry.npmjs.org/a/-/a-1.0.0.tgz" })).toEqual([]);
  for (const license of ["(MIT OR GPL-3.0)", "MIT AND ISC", "Apache-2.0"])
    expect(complaints({ ...sound, license })).toEqual([]);
});

test.each<[string, LockedPackage]>([
  ["it has no sha512", { version: "1.0.0", license: "MIT" }],
  ["it has no sha512", { ...sound, integrity: "sha1-x" }],
  ["it comes from git+ssh://git@github.com/a/b.git", { ...sound, resolved: "git+ssh://git@github.com/a/b.git" }],
  ["it comes from http://mirror/a.tgz", { ...sound, resolved: "http://mirror/a.tgz" }],
  ["its licence is GPL-3.0", { ...sound, license: "GPL-3.0" }],
  ["its licence is MIT AND GPL-3.0", { ...sound, license: "MIT AND GPL-3.0" }],
  ["its licence is not told", { version: "1.0.0", integrity: "sha512-x" }],
  ["it is no package of a registry", { ...sound, link: true }],
])("%s", (complaint, entry) => expect(complaints(entry)).toEqual([`node_modules/a: ${complaint}`]));

test("install scripts run for Bun alone, and for nobody whom package.json does not speak of", () => {
  const entry = { ...sound, hasInstallScript: true };
  expect(complaints(entry)).toEqual(["a has an install script that allowScripts in package.json does not speak of"]);
  expect(complaints(entry, { packageJson: { allowScripts: { a: false } } })).toEqual([]);
  expect(complaints(entry, { packageJson: { allowScripts: { a: true } } })).toEqual([
    "allowScripts lets the install script of a run",
  ]);
  const bun = { path: "node_modules/x/node_modules/bun", packageJson: { allowScripts: { bun: true } } };
  expect(complaints(entry, bun)).toEqual([]);
  expect(complaints(sound, { npmrc: "audit=false\n" })).toEqual([".npmrc has no strict-allow-scripts=true"]);
});

test.each(["^1.0.0", "*", "latest", "github:a/b", "https://host/a.tgz", "file:../a"])(
  "%s is no exact version",
  (version) => {
    expect(complaints(sound, { packageJson: { devDependencies: { a: version } } })).toEqual([
      `a: "${version}" is no exact version`,
    ]);
  },
);

test("npm's answer is read, and none is said to be none", () => {
  const vulnerabilities = {
    a: { name: "a", severity: "critical", range: "<2" },
    b: { name: "b", severity: "low", range: "*" },
  };
  expect(readAudit(JSON.stringify({ vulnerabilities }))).toEqual({ known: ["a <2: critical"] });
  expect(readAudit('{"vulnerabilities":{}}')).toEqual({ known: [] });
  expect(readAudit('{"message":"405 Method Not Allowed"}')).toEqual({ unasked: "405 Method Not Allowed" });
  expect(readAudit("")).toEqual({ unasked: "it did not answer" });
});
