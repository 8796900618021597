import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hermetic, refuseLeftovers } from "../../scripts/build/hermetic.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-hermetic-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** Compiles `source` and gives back what Bun tells of it. */
const compile = async (source: string) => {
  writeFileSync(join(dir, "main.ts"), source);
  writeFileSync(join(dir, "part.ts"), "export const part = 1;\n");
  const { metafile } = await Bun.build({
    entrypoints: [join(dir, "main.ts")],
    compile: { outfile: join(dir, "program") },
    format: "esm",
    splitting: true,
    metafile: true,
    plugins: [hermetic()],
  });
  if (!metafile) throw new Error("no metafile");
  return metafile;
};

test("an import that is not found fails the build, also where the code would survive without it", async () => {
  for (const missing of [
    'try { await import("not-installed"); } catch {}',
    'try { require("not-installed"); } catch {}',
    'try { await import("./not-installed"); } catch {}',
  ]) {
    const metafile = await compile(missing);
    expect(() => refuseLeftovers(metafile)).toThrow(/main\.ts imports "(\.\/)?not-installed", which is not installed/);
  }
});

test("builtin modules, our own chunks and stubs are no leftovers; a stub throws", async () => {
  const metafile = await compile(`import { readFileSync } from "node:fs";
    import { Database } from "bun:sqlite";
    import { serve } from "bun";
    const { part } = await import("./part.ts");
    const electron = await import("electron").then(() => "found", (error) => error.message);
    console.log(typeof readFileSync, typeof Database, typeof serve, part, electron);`);
  expect(() => refuseLeftovers(metafile)).not.toThrow();
  const child = Bun.spawn([join(dir, "program")], { stderr: "inherit" });
  expect(await child.stdout.text()).toBe('function function function 1 "electron" is not part of this executable\n');
});
