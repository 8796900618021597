import type { NodeDevice } from "../../api/node.ts";
import type { Place } from "./model-index.ts";

/** What loading a model takes of a node: `free` = it fits beside what is loaded, `evict` = once idle models are unloaded, `never` = it does not fit. */
export type MemoryFit = "free" | "evict" | "never";

const overhead = 1.15; // context and compute buffers beside the file's own size

/** Unknown sizes are no reason to say no: the node itself refuses what it cannot load, and the request goes elsewhere. */
export const memoryFit = ({ node, model }: Pick<Place, "node" | "model">): MemoryFit => {
  const { devices, availableBytes, models } = node.reading;
  if (model.sizeBytes === undefined || (devices === undefined && availableBytes === undefined)) return "free";
  const needBytes = model.sizeBytes * overhead;
  const freeBytes = freeOf(devices ?? []) + (availableBytes ?? 0);
  if (needBytes <= freeBytes) return "free";
  const loadedBytes = models.reduce((sum, { loaded, sizeBytes }) => sum + (loaded ? (sizeBytes ?? 0) : 0), 0);
  return needBytes <= freeBytes + loadedBytes ? "evict" : "never";
};

/** A processor's memory is the host's, which `availableBytes` tells. */
const freeOf = (devices: readonly NodeDevice[]): number =>
  devices.reduce((sum, { kind, used, free_bytes }) => sum + (used && kind === "gpu" ? free_bytes : 0), 0);

/** For comparing nodes where a model fits: memory of GPUs first, since a model that lies there is faster. */
export const freeGpuBytes = ({ node }: Pick<Place, "node">): number => freeOf(node.reading.devices ?? []);
