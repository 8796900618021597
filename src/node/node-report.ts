import type { NodeDevice, NodeModel, NodePrompts, NodeReport } from "../api/node.ts";
import { prefixForm } from "../core/prompt-prefix.ts";
import { version } from "../core/version.ts";
import type { DeviceReport } from "../engine/devices/telemetry.ts";
import { hostMemory } from "../engine/host-memory.ts";
import type { RunningModel } from "../engine/types.ts";
import { diskSpace } from "../store/disk-space.ts";
import type { NodeDeps } from "./deps.ts";
import { expiryDate } from "./expiry.ts";

/** What the node is, has and does now: `GET /api/node`, and what it reports to its router. */
export const nodeReport = (
  deps: Pick<NodeDeps, "config" | "engine" | "machine" | "clock" | "startedAtMs" | "store">,
): NodeReport => {
  const { totalBytes, availableBytes } = hostMemory();
  const machine = deps.machine.report();
  const disk = diskSpace(deps.store.dir);
  return {
    version,
    started_at: new Date(deps.startedAtMs).toISOString(),
    memory: { total_bytes: totalBytes, available_bytes: availableBytes },
    ...(disk && { disk: { total_bytes: disk.totalBytes, free_bytes: disk.freeBytes } }),
    ...(machine && { backend: machine.backend }),
    refused_backends: machine?.refused ?? [],
    devices: machine?.devices.map(toNodeDevice) ?? [],
    models: deps.engine.running().map((running) => toNodeModel(running, deps.clock.now())),
    loading: deps.engine.loading().map(({ id, name, fraction }) => ({ name, digest: id, progress: fraction })),
    max_loaded_models: deps.config.maxLoadedModels,
    max_queue: deps.config.maxQueue,
  };
};

/** What the loaded models hold in their caches. */
export const nodePrompts = ({ engine }: Pick<NodeDeps, "engine">): NodePrompts[] =>
  engine.running().map(({ name, pid, held: { generation, marks, whole } }) => ({
    ...{ model: name, pid, generation, form: prefixForm, whole },
    marks: new Uint8Array(BigUint64Array.from(marks).buffer).toBase64(),
  }));

const toNodeDevice = ({
  pciBusId,
  totalBytes,
  freeBytes,
  temperatureCelsius,
  ...device
}: DeviceReport): NodeDevice => ({
  ...device,
  ...(pciBusId !== undefined && { pci_bus_id: pciBusId }),
  total_bytes: totalBytes,
  free_bytes: freeBytes,
  ...(temperatureCelsius !== undefined && { temperature_celsius: temperatureCelsius }),
});

const toNodeModel = (running: RunningModel, nowMs: number): NodeModel => {
  const { id, name, model, users, stats, pid } = running;
  const busySlots = Math.min(users, model.slots);
  return {
    name,
    digest: id,
    size: model.memoryBytes,
    size_vram: model.vramBytes,
    backend: model.backend,
    context_length: model.contextTokens,
    expires_at: expiryDate(running.expiresAtMs, nowMs),
    pid,
    slots: model.slots,
    busy_slots: busySlots,
    queued: users - busySlots,
    ...(stats?.promptMs ? { prompt_tokens_per_second: perSecond(stats.promptTokens, stats.promptMs) } : {}),
    ...(stats?.generationMs
      ? { generation_tokens_per_second: perSecond(stats.completionTokens, stats.generationMs) }
      : {}),
    ...((model.capabilities.vision || model.capabilities.audio) && { media_encoded: stats?.mediaEncoded ?? 0 }),
    prompt_cache_bytes: stats?.promptCacheBytes ?? 0,
  };
};

const perSecond = (tokens: number, ms: number): number => Math.round((tokens / ms) * 10_000) / 10;
