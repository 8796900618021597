import { join } from "node:path";
import { compileLibrary } from "../../fakes/compile.ts";

/** Compiles the stub; returns a folder that holds it under the name of NVIDIA's library. */
export const buildNvmlStub = (): string => compileLibrary(join(import.meta.dir, "nvml-stub.c"), "libnvidia-ml.so.1");
