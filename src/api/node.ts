/** llmlb's own `GET /api/node`: what a node is, has and does. */

export interface NodeModel {
  name: string;
  /** Hexadecimal sha256 of the manifest. */
  digest: string;
  size: number;
  size_vram: number;
  backend: "cuda" | "vulkan" | "metal" | "cpu";
  context_length: number;
  /** RFC 3339, as in `/api/ps`. */
  expires_at: string;
  /** Of its runner. */
  pid: number;
  slots: number;
  busy_slots: number;
  /** Requests that are accepted and wait for a slot. */
  queued: number;
  /** Averages since the load; absent before the first answer. */
  prompt_tokens_per_second?: number;
  generation_tokens_per_second?: number;
  /** Host memory that holds the states of evicted prompts. */
  prompt_cache_bytes: number;
}

export interface NodeReport {
  /** llmlb's version. */
  version: string;
  started_at: string;
  /** The machine's memory, or the container's. */
  memory: { total_bytes: number; available_bytes: number };
  models: NodeModel[];
  max_loaded_models: number;
  max_queue: number;
}
