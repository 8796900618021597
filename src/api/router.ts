import type { NodeDevice, NodePrompts, NodeReport } from "./node.ts";
import type { OllamaListedModel } from "./ollama.ts";

/** The router's own API below `/api/router`, for its command line and its dashboard. Times are RFC 3339, sizes bytes. */

/** What kind of server a node is; found out when it is added. */
export type NodeKind = "llmlb" | "ollama" | "vllm" | "llama-server" | "lm-studio" | "openai";

/** `degraded`: it answers, but failed of late or reports trouble. `draining`: it finishes what it has and gets nothing new. */
export type NodeStatus = "online" | "degraded" | "draining" | "offline";

export interface RouterNodeModel {
  name: string;
  loaded: boolean;
  /** What a node tells of a loaded model, whoever uses it; absent where it does not tell. */
  slots?: number;
  busy_slots?: number;
  queued?: number;
  prompt_tokens_per_second?: number;
}

export interface RouterNode {
  id: string;
  /** As it was added, e.g. `http://192.168.1.10:32769`; its identity. */
  url: string;
  name?: string;
  kind: NodeKind;
  status: NodeStatus;
  /** Why it is not online, in one line. */
  reason?: string;
  /** True for one that joined by itself. */
  joined: boolean;
  version?: string;
  /** Names of its GPUs as their maker names them; empty = none, absent = it does not tell. */
  gpus?: string[];
  vram?: { total_bytes: number; free_bytes: number };
  /** Of the hottest GPU. */
  temperature_celsius?: number;
  /** What the node computes with; absent = it does not tell. */
  devices?: NodeDevice[];
  /** Host memory that is free for a load; absent = it does not tell. */
  available_memory_bytes?: number;
  /** For models; absent = it does not tell. */
  free_disk_bytes?: number;
  /** Requests that the router has there now. */
  in_flight: number;
  models: RouterNodeModel[];
  added_at: string;
  /** When it last answered or reported; absent = never. */
  last_seen_at?: string;
}

/** `GET /api/router/nodes`. */
export interface RouterNodesResponse {
  nodes: RouterNode[];
}

/** `POST /api/router/nodes`; answered with the `RouterNode`. */
export interface AddNodeRequest {
  url: string;
  name?: string;
  /** Absent = found out by asking it. */
  kind?: NodeKind;
  /** Sent to the node as a bearer token; never told again. */
  api_key?: string;
}

/** `POST /api/router/nodes/{id}/drain`; answered with the `RouterNode`. */
export interface DrainRequest {
  drain: boolean;
}

/** `GET /api/router/models`. */
export interface RouterModelsResponse {
  models: {
    name: string;
    /** `available`: at least one node that takes requests has it. */
    status: "available" | "unavailable";
    nodes: { id: string; host: string; status: NodeStatus; loaded: boolean }[];
  }[];
}

/** `GET /api/router/status`. */
export interface RouterStatus {
  version: string;
  /** `down`: no node takes requests. `degraded`: some do not. */
  health: "healthy" | "degraded" | "down";
  nodes: Record<NodeStatus, number>;
  models: number;
  requests_last_hour: number;
  /** 0 to 1, over all GPUs that tell; absent where none does. */
  vram_utilization?: number;
}

/** What requests did in one span of time; those that ended in it are counted. */
export interface ActivityBucket {
  requests: number;
  /** Of these, those that ended with an error; a client that went away is none. */
  errors: number;
  /** From the arrival of a request to the first byte of its answer; absent when none came. */
  first_byte_p50_ms?: number;
  first_byte_p95_ms?: number;
  /** Tokens of answers, spread over the time in which they came, as far as their number is known: see `tokens_at_least`. */
  tokens: number;
}

/** A request that has ended; nothing of what it said. */
export interface RecentRequest {
  ended_at: string;
  route: string;
  model?: string;
  /** The id of the node that answered, or failed last. */
  node?: string;
  /** Why that node. */
  reason?: string;
  status: number;
  /** Absent = it went well; an error code otherwise, also of a stream that broke after its status. */
  fault?: string;
  queue_ms: number;
  /** Absent when no byte came. */
  first_byte_ms?: number;
  duration_ms: number;
  /** Nodes that were asked in vain. */
  retries: number;
  /** Of the answer; absent = not known. */
  tokens?: number;
  /** There were as many or more: nobody asked for the usage of this stream, so its events were counted. */
  tokens_at_least?: true;
}

/** `GET /api/router/activity?span=minutes|hours`: the last five minutes (the default) or three hours. */
export interface RouterActivity {
  bucket_seconds: number;
  /** When the last bucket, which is not over, began. */
  last_bucket_at: string;
  /** Oldest first, without gaps. */
  buckets: ActivityBucket[];
  /** The last 100, newest first. */
  requests: RecentRequest[];
}

/** `POST /api/router/tokens`. */
export interface CreateTokenRequest {
  /** A duration such as `1h`; default one day. */
  expires_in?: string;
}

/** The only time that a token is told. It lets one node join. */
export interface CreatedToken {
  id: string;
  token: string;
  expires_at: string;
}

/** A token that has not been used and has not expired. */
export interface RouterToken {
  id: string;
  created_at: string;
  expires_at: string;
}

/** `GET /api/router/tokens`. */
export interface RouterTokensResponse {
  tokens: RouterToken[];
}

/** `POST /api/router/join`, by a node that wants to take part. */
export interface JoinRequest {
  token: string;
  /** Where the router reaches the node. */
  url: string;
  name?: string;
  /** What the router has to send to the node. */
  key: string;
}

export interface JoinedNode {
  id: string;
  /** What the node sends with its reports, now and after a restart. */
  credential: string;
}

/** What a node sends over the WebSocket `/api/router/reports`, one JSON text at a time; each is answered with `{}`. */
export interface NodeTelemetry {
  /** What the router has to send to the node from now on; a node makes a new one when it starts. */
  key?: string;
  report?: NodeReport;
  /** The models that it has; absent = as before. */
  stored?: Pick<OllamaListedModel, "name" | "aliases" | "size" | "details">[];
  /** Those that are others than they were last told; absent = as before. */
  prompts?: NodePrompts[];
  /** The node stops. */
  goodbye?: true;
}

/** `admin` may do everything, `infer` may ask models, `read` may see what there is. */
export type KeyScope = "infer" | "read" | "admin";

/** `POST /api/router/keys`. */
export interface CreateKeyRequest {
  name: string;
  /** Default `["infer", "read"]`. */
  scopes?: KeyScope[];
  requests_per_minute?: number;
  /** Requests that may run at once. */
  concurrency?: number;
}

export interface RouterKey {
  id: string;
  name: string;
  scopes: KeyScope[];
  requests_per_minute?: number;
  concurrency?: number;
  created_at: string;
}

/** The only time that a key is told. */
export interface CreatedKey extends RouterKey {
  key: string;
}

/** `GET /api/router/keys`. */
export interface RouterKeysResponse {
  keys: RouterKey[];
}
