import type { OllamaPsResponse, OllamaRunningModel } from "../../api/ollama.ts";
import { ollamaVersion } from "../../api/ollama-version.ts";
import { type DeviceReport, gpuMemory, gpuTemperature } from "../../engine/devices/telemetry.ts";
import type { RunningModel } from "../../engine/types.ts";
import type { App } from "../../http/create-app.ts";
import type { NodeDeps } from "../deps.ts";
import { toDetails } from "../details.ts";
import { expiryDate } from "../expiry.ts";

/** What a client asks to learn whether and what the node is running. */
export const statusRoutes = (app: App, deps: NodeDeps) =>
  app
    .get("/", () => "llmlb is running")
    .head("/", () => new Response())
    .get("/health", () => ({ status: "ok" }))
    .get("/api/version", () => ({ version: ollamaVersion }))
    .get("/api/ps", (): OllamaPsResponse => {
      const gpu = gpuState(deps.machine.report()?.devices ?? []);
      return {
        models: deps.engine.running().map((one) => ({ ...toRunning(deps, one), ...(one.model.vramBytes > 0 && gpu) })),
      };
    });

const gpuState = (
  devices: readonly DeviceReport[],
): Pick<OllamaRunningModel, "vram_utilization" | "temperature_celsius"> => {
  const memory = gpuMemory(devices);
  const temperature = gpuTemperature(devices);
  return {
    ...(memory && { vram_utilization: (memory.totalBytes - memory.freeBytes) / Math.max(1, memory.totalBytes) }),
    ...(temperature !== undefined && { temperature_celsius: temperature }),
  };
};

const toRunning = ({ store, clock }: NodeDeps, running: RunningModel): OllamaRunningModel => {
  const stored = store.list().find(({ id }) => id === running.id);
  return {
    name: running.name,
    model: running.name,
    size: running.model.memoryBytes,
    digest: running.id,
    details: toDetails(stored?.manifest),
    expires_at: expiryDate(running.expiresAtMs, clock.now()),
    size_vram: running.model.vramBytes,
    context_length: running.model.contextTokens,
  };
};
