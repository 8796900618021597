import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embedNative } from "../../scripts/build/embed-native.ts";

const embedded = join(import.meta.dir, "../../src/native/embedded.ts");

/** A small executable that carries a library, made in a folder of its own. */
const compileIn = async (dir: string, library: string): Promise<Buffer> => {
  mkdirSync(join(dir, "native"), { recursive: true });
  writeFileSync(join(dir, "native/lib.so"), library);
  const entry = join(dir, "main.ts");
  writeFileSync(
    entry,
    `const { embeddedFiles } = await import(${JSON.stringify(embedded)});\nconsole.log(embeddedFiles);\n`,
  );
  const outfile = join(dir, "llmlb");
  await Bun.build({
    entrypoints: [entry],
    compile: { outfile },
    minify: true,
    bytecode: true,
    format: "esm",
    splitting: true,
    plugins: [embedNative(join(dir, "native"))],
  });
  return readFileSync(outfile);
};

test("an executable and the libraries in it depend on no folder", async () => {
  const root = mkdtempSync(join(tmpdir(), "llmlb-same-"));
  try {
    const first = await compileIn(join(root, "first"), "library");
    const second = await compileIn(join(root, "another/folder"), "library");
    expect(first.equals(second)).toBe(true);
    expect(first.equals(await compileIn(join(root, "other"), "another library"))).toBe(false);
  } finally {
    rmSync(root, { recursive: true });
  }
}, 60_000);
