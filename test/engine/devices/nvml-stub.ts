import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Compiles the stub; returns a folder that holds it under the name of NVIDIA's library. */
export const buildNvmlStub = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "llmlb-nvml-"));
  const source = join(import.meta.dir, "nvml-stub.c");
  const { exitCode, stderr } = Bun.spawnSync([
    ...["c++", "-x", "c", "-shared", "-fPIC", "-o", join(folder, "libnvidia-ml.so.1"), source],
  ]);
  if (exitCode !== 0) throw new Error(`the NVML stub does not compile: ${stderr}`);
  return folder;
};
