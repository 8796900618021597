/** llmlb's own `GET /api/node`: what a node is and has; a router and `llmlb node ps` read it. */

export interface NodeDevice {
  /** As llama.cpp names it (`CUDA0`), or `cpu`. */
  id: string;
  /** As its maker names it. */
  name: string;
  kind: "gpu" | "igpu" | "cpu" | "accelerator";
  total_bytes: number;
  free_bytes: number;
  /** Share of the time in which it was computing, 0 to 1; absent where nobody tells. */
  utilization?: number;
  temperature_celsius?: number;
}

export interface NodeBackendRefusal {
  backend: "cuda" | "vulkan" | "metal" | "cpu";
  /** One line for people. */
  reason: string;
}

export interface NodeModel {
  name: string;
  /** Hexadecimal sha256 of the manifest. */
  digest: string;
  size: number;
  size_vram: number;
  context_length: number;
  /** RFC 3339, as in `/api/ps`. */
  expires_at: string;
  slots: number;
  busy_slots: number;
  /** Requests that are accepted and wait for a slot. */
  queued: number;
  /** Averages since the load; absent before the first. */
  prompt_tokens_per_second?: number;
  generation_tokens_per_second?: number;
  prompt_cache_bytes: number;
}

export interface NodeReport {
  /** llmlb's version. */
  version: string;
  started_at: string;
  /** Absent while the backends are being tried. */
  backend?: "cuda" | "vulkan" | "metal" | "cpu";
  refused_backends: NodeBackendRefusal[];
  /** GPUs first; the host's memory is the entry `cpu`. */
  devices: NodeDevice[];
  models: NodeModel[];
  max_loaded_models: number;
  max_queue: number;
}
