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
  /** Pictures and sounds encoded since the load; those that were remembered are not. Absent for a model without a projector. */
  media_encoded?: number;
  /** Host memory that holds the states of evicted prompts. */
  prompt_cache_bytes: number;
}

/** A model that is being loaded. */
export interface NodeLoad {
  name: string;
  digest: string;
  /** Share of its tensors read, 0 to 1. */
  progress: number;
}

export interface NodeDevice {
  /** As llama.cpp names it: `CUDA0`, `CPU`. */
  name: string;
  /** As its maker names it. */
  description: string;
  kind: "gpu" | "igpu" | "cpu" | "accelerator";
  pci_bus_id?: string;
  total_bytes: number;
  free_bytes: number;
  /** Share of the time in which it computed, 0 to 1; absent where no driver tells. */
  utilization?: number;
  temperature_celsius?: number;
  /** False = the machine has it, but models are not computed on it. */
  used: boolean;
}

/** Beginnings of prompts that a loaded model has evaluated and still holds; see decision record 016. */
export interface NodePrompts {
  model: string;
  /** Of its runner: nothing of what another runner held is there. */
  pid: number;
  /** Grows with each change. */
  generation: number;
  /** How the marks are made; what was made otherwise cannot be compared. */
  form: number;
  /** In base64, 8 bytes each (little endian), at most 2,048: of the prompt that was used last first, each prompt from its beginning on. */
  marks: string;
  /** False = it holds more. */
  whole: boolean;
}

export interface NodeReport {
  /** llmlb's version. */
  version: string;
  started_at: string;
  /** The machine's memory, or the container's. */
  memory: { total_bytes: number; available_bytes: number };
  /** Where models are stored; absent where the system does not tell. */
  disk?: { total_bytes: number; free_bytes: number };
  /** What models are computed with; absent while it is being found out, and where nothing works. */
  backend?: NodeModel["backend"];
  /** Better backends, and why they are not used. */
  refused_backends: { backend: NodeModel["backend"]; reason: string }[];
  devices: NodeDevice[];
  models: NodeModel[];
  /** Absent from nodes of llmlb before 0.2. */
  loading?: NodeLoad[];
  max_loaded_models: number;
  max_queue: number;
  /** Only where it was asked for: `GET /api/node?prompts=1`. */
  prompts?: NodePrompts[];
  /** Of the key that this node takes from its router: how the router knows that the address is the node's. */
  router_key_sha256?: string;
}
