import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Bom, releaseBom } from "../../scripts/release/sbom.ts";

const root = join(import.meta.dir, "../..");
const time = new Date("2026-11-25T00:00:00Z");
const preact = { name: "preact", version: "10.29.8", license: "MIT" };
const elysia = { name: "elysia", version: "1.4.30", license: "MIT" };

const npmSbom = async (): Promise<Bom> => {
  const flags = ["--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"];
  return await Bun.spawn(["npm", "sbom", ...flags], { cwd: root, stderr: "inherit" }).stdout.json();
};

test("two runs of npm give one bill of materials, with Bun, llama.cpp and what is bundled", async () => {
  const [first, second] = await Promise.all([npmSbom(), npmSbom()]);
  expect(first.serialNumber).not.toBe(second.serialNumber);
  const versions = { bun: "1.4.5", llama: "v0.4.0" };
  const bom = releaseBom(first, time, versions, [preact, elysia]);
  expect(JSON.stringify(bom)).toBe(JSON.stringify(releaseBom(second, time, versions, [preact, elysia])));
  expect(bom.metadata).toMatchObject({
    timestamp: "2026-11-25T00:00:00.000Z",
    component: { name: "llmlb", type: "application" },
  });
  const refs = bom.components.map((one) => one["bom-ref"]);
  for (const ref of ["bun@1.4.5", "llama.cpp@v0.4.0", "preact@10.29.8", "bun/JavaScriptCore (WebKit)"])
    expect(refs).toContain(ref);
  expect(refs.filter((ref) => ref.startsWith("elysia@"))).toEqual(["elysia@1.4.30"]);
  expect(refs).toEqual(refs.toSorted((a, b) => (a < b ? -1 : 1)));
  const itself = bom.dependencies.find(({ ref }) => ref === bom.metadata.component["bom-ref"]);
  expect(itself?.dependsOn).toContain("llama.cpp@v0.4.0");
  expect(JSON.stringify(bom)).not.toContain(root);
}, 60_000);
