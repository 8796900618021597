import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { readMemoryNeed, readModelShape } from "../../src/engine/memory-need.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-need-"));
afterAll(() => rmSync(dir, { recursive: true }));
const modelPath = join(dir, "model.gguf");
writeFileSync(modelPath, buildModel("tiny-attentive"));

test("a shape that the store knows is believed, without a look at the file", async () => {
  const shape = await readModelShape({ modelPath });
  const read = await readMemoryNeed({ modelPath });
  expect(await readMemoryNeed({ modelPath, shape })).toEqual(read);
  const believed = await readMemoryNeed({ modelPath, shape: { ...shape, kvElementsPerToken: 1000 } });
  expect(believed.kvBytesPerToken).toBe(2000);
});

test("a projector takes its size too", async () => {
  const projectorPath = join(dir, "mmproj.gguf");
  writeFileSync(projectorPath, Buffer.alloc(12_345));
  const [alone, both] = [await readMemoryNeed({ modelPath }), await readMemoryNeed({ modelPath, projectorPath })];
  expect(both).toEqual({ ...alone, weightsBytes: alone.weightsBytes + 12_345 });
});

test("a file that was cut or is gone is told", async () => {
  truncateSync(modelPath, 5000);
  await expect(readMemoryNeed({ modelPath })).rejects.toMatchObject({ code: "corrupt" });
  await expect(readMemoryNeed({ modelPath: join(dir, "none") })).rejects.toThrow("ENOENT");
});
