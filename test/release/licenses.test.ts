import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundledPackages } from "../../scripts/build/bundled-packages.ts";
import { checkOutLlamaSources } from "../../scripts/native/llama-sources.ts";
import { collectLicenses, excerpt, packageNotice } from "../../scripts/release/licenses.ts";

const root = join(import.meta.dir, "../..");
const folderOf = (name: string) => join(root, "node_modules", name);

test("the packages of a bundle are those its files come from", () => {
  const inputs = [
    "src/main.ts",
    "node_modules/elysia/dist/index.js",
    "node_modules/elysia/dist/error.js",
    "node_modules/@huggingface/hub/dist/index.mjs",
    "../x/node_modules/ora/node_modules/chalk/index.js",
  ];
  expect(bundledPackages(inputs)).toEqual([
    "../x/node_modules/ora/node_modules/chalk",
    "node_modules/@huggingface/hub",
    "node_modules/elysia",
  ]);
});

test("a package brings its own terms; one that only names them gets the standard text", async () => {
  const elysia = await packageNotice(folderOf("elysia"));
  expect([elysia.license, elysia.text.includes("saltyAom")]).toEqual(["MIT", true]);
  const bare = await packageNotice(folderOf("gearhash-jit"));
  expect(bare.text).toContain("Permission is hereby granted, free of charge");
  expect(bare.text).not.toContain("<copyright holders>");
});

test("a package without a license cannot be part of a release", async () => {
  const dir = await mkdtemp(join(tmpdir(), "llmlb-license-"));
  await Bun.write(join(dir, "package.json"), '{"name":"mine","version":"1.0.0"}');
  await expect(packageNotice(dir)).rejects.toThrow("mine 1.0.0 does not name its license");
  await Bun.write(join(dir, "package.json"), '{"name":"mine","version":"1.0.0","license":"Secret-1.0"}');
  await expect(packageNotice(dir)).rejects.toThrow('there is no text of the license "Secret-1.0"');
  await rm(dir, { recursive: true });
});

test("a license inside a source file is cut out", () => {
  const component = { name: "x", license: "MIT", url: "", file: "x.c", from: "Copyright", to: "SOFTWARE." };
  const source = "#include <x>\n// Copyright me\n// Use this\n// SOFTWARE.\nint main();\n";
  expect(excerpt(source, component)).toBe("Copyright me\nUse this\nSOFTWARE.");
  const { to: _, ...toEnd } = { ...component, from: "Use" };
  expect(excerpt("/*\nUse this\n*/", toEnd)).toBe("Use this");
  expect(() => excerpt("int main();", component)).toThrow("x.c does not hold its license where it used to");
});

test("LICENSES.txt speaks of Bun, llama.cpp and every package", async () => {
  const llama = await checkOutLlamaSources(folderOf("node-llama-cpp"), join(root, "build/llama.cpp"));
  const { text, packages } = await collectLicenses({
    packages: [folderOf("preact"), folderOf("prom-client")],
    llama,
    llamaVersion: "v1",
  });
  expect(packages.map(({ name, license }) => [name, license])).toEqual([
    ["preact", "MIT"],
    ["prom-client", "Apache-2.0"],
  ]);
  for (const words of [
    "- Bun (MIT)",
    "JavaScriptCore (WebKit): LGPL-2.0-only",
    "GNU LIBRARY GENERAL PUBLIC LICENSE",
    "stb_image as in llama.cpp v1 (MIT OR Unlicense)",
    "Copyright (c) 2017 Sean Barrett",
    "Niels Lohmann",
    "Copyright 2024 Mozilla Foundation",
    "Jason Miller", // preact's
  ])
    expect(text).toContain(words);
});
