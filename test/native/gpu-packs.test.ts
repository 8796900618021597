import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../src/core/version.ts";
import { findGpuPack, type PackBackend, packName, packVersionFile } from "../../src/native/gpu-packs.ts";
import { bridgeFile } from "../../src/native/native-dir.ts";

let cache: string;
const folder = () => join(cache, "gpu", packName("vulkan"));

/** Of a checkout in which they have been built; undefined elsewhere. */
const builtHere = (backend: PackBackend) => findGpuPack(backend, join(cache, "empty"));

beforeAll(() => {
  cache = mkdtempSync(join(tmpdir(), "llmlb-packs-"));
  mkdirSync(folder(), { recursive: true });
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

test("libraries count when they are whole and not of another version", () => {
  expect(findGpuPack("vulkan", cache)).toBe(builtHere("vulkan") as string);
  writeFileSync(join(folder(), bridgeFile), "");
  expect(findGpuPack("vulkan", cache)).toBe(folder());
  expect(findGpuPack("cuda", cache)).toBe(builtHere("cuda") as string);
  writeFileSync(join(folder(), packVersionFile), "0.0.1\n");
  expect(findGpuPack("vulkan", cache)).toBe(builtHere("vulkan") as string);
  writeFileSync(join(folder(), packVersionFile), `${version}\n`);
  expect(findGpuPack("vulkan", cache)).toBe(folder());
});
