import type { NodeDevice } from "../api/node.ts";
import type { NodeKind, NodeStatus } from "../api/router.ts";

/** What the registry remembers of a node. Its address is its identity: a store or a home may be shared or copied. */
export interface NodeRecord {
  readonly id: string;
  /** Origin and path prefix, without a trailing slash. */
  readonly url: string;
  readonly name?: string;
  readonly kind: NodeKind;
  readonly joined: boolean;
  readonly draining: boolean;
  readonly addedAtMs: number;
}

/** One model that a node has, as it was last told. */
export interface ModelReading {
  /** As the node calls it. */
  readonly name: string;
  /** Other names that the node takes for it. */
  readonly aliases?: readonly string[];
  /** As in `Q4_K_M`; the name with it is another name. */
  readonly quantization?: string;
  readonly loaded: boolean;
  /** File size, an estimate of what loading takes. */
  readonly sizeBytes?: number;
  readonly contextTokens?: number;
  readonly slots?: number;
  readonly busySlots?: number;
  /** Requests that wait on the node, the router's and others'. */
  readonly queued?: number;
  /** Measured speed of evaluating prompts; absent before the first answer. */
  readonly promptTokensPerSecond?: number;
  /** Tells one loading of it from another; absent = it is not loaded, or the node does not tell. */
  readonly process?: number;
  /** Absent = the node does not tell. */
  readonly held?: HeldPrompts;
}

/** Beginnings of prompts that a model need not evaluate again. */
export interface HeldPrompts {
  /** Grows with each change, from the start of the model's process. */
  readonly generation: number;
  /** Of the prompt that was used last first, each prompt from its beginning on; see `hashPrompt`. */
  readonly marks: readonly bigint[];
  /** False = it holds more. */
  readonly whole: boolean;
}

/** What a node told last, by a report or by a probe. */
export interface NodeReading {
  readonly version?: string;
  readonly models: readonly ModelReading[];
  /** Absent = it does not tell. */
  readonly devices?: readonly NodeDevice[];
  /** Host memory that is free for a load; absent = it does not tell. */
  readonly availableBytes?: number;
  /** Disk space for models; absent = it does not tell. */
  readonly diskFreeBytes?: number;
  /** Why it cannot do its work as it should, in one line, where it says so itself. */
  readonly trouble?: string;
}

/** A node now. Objects are replaced, never changed: a snapshot stays what it was. */
export interface NodeState extends NodeRecord {
  readonly status: NodeStatus;
  readonly reason?: string;
  readonly reading: NodeReading;
  readonly lastSeenMs?: number;
  /** Names (in lower case, with and without its default quantization, short names too) of `reading.models` -> the model. */
  readonly modelsByName: ReadonlyMap<string, ModelReading>;
}

/** How one attempt on a node ended, as far as it says something of the node; statuses below 500 and the client's doing do not. */
export type Outcome = "answered" | "unreachable" | "failed";

/** The nodes as the router knows them: who they are (registry), how they are (reports and probes). */
export interface Cluster {
  nodes(): readonly NodeState[];
  find(id: string): NodeState | undefined;
  /** The credential to send to the node; undefined = none. */
  credential(id: string): string | undefined;
  /**
   * Asks nodes what they have now: these, or every one that takes requests, which is done every two seconds at the most; after a start it waits
   * for what they answer to the first question. Never rejects, and takes a second at the most.
   */
  refresh(ids?: readonly string[]): Promise<void>;
  /** What a request met there, for status and breaker. */
  note(id: string, outcome: Outcome): void;
}

/** What is asked of a choice; see `chooseNode`. */
export interface ChoiceRequest {
  /** As the client wrote it. */
  readonly model: string;
  /** Chained hashes of the prompt's blocks, first block first; empty = not known. */
  readonly prefix: readonly bigint[];
  /** Estimate of the tokens up to the end of each block; absent = blocks of equal length. See `hashPrompt`. */
  readonly prefixTokens?: readonly number[];
  /** Estimate of the prompt's length. */
  readonly promptTokens: number;
  /** Requests of one session go to one node while that is not overloaded. */
  readonly session?: string;
  /** Nodes that have been tried already. */
  readonly excluded: ReadonlySet<string>;
}

/** What the router has sent to a node and not seen the end of. */
export interface NodeLoad {
  readonly requests: number;
  /** Prompt tokens of these requests that the node has to evaluate, as the choice estimated them. */
  readonly uncachedTokens: number;
  /** The same requests by the name that the node has for their model. */
  readonly byModel?: ReadonlyMap<string, number>;
  /** Requests that others have there, as far as the node tells. */
  readonly foreignRequests?: number;
}

export type ChoiceReason =
  | "only"
  | "session"
  | "prefix"
  | "least-loaded"
  | "least-busy"
  | "round-robin"
  | "cold"
  | "two-choices"
  | "explore";

export type Choice =
  | {
      readonly kind: "node";
      readonly node: NodeState;
      readonly model: ModelReading;
      readonly reason: ChoiceReason;
      /** Prompt tokens that it probably has to evaluate. */
      readonly uncachedTokens: number;
    }
  /** Every node that could is full: the request waits for a lease to end. */
  | { readonly kind: "wait" }
  /** No node has the model. */
  | { readonly kind: "unknown-model" }
  /** Nodes have it, but none takes requests, or all were tried. */
  | { readonly kind: "unavailable"; readonly reason: string };
