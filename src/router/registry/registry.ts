import type { KeyScope } from "../../api/router.ts";
import type { NodeRecord } from "../types.ts";

/** A node as it is stored. One that said goodbye stays, so that its credential lets it come back, but is no part of the cluster. */
export interface StoredNode extends NodeRecord {
  readonly leftAtMs?: number;
}

/** A join token; of the token itself only the sha256 is kept. */
export interface StoredToken {
  readonly id: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** An API key; of the key itself only the sha256 is kept. */
export interface StoredKey {
  readonly id: string;
  readonly name: string;
  readonly hash: string;
  readonly scopes: readonly KeyScope[];
  readonly requestsPerMinute?: number;
  readonly concurrency?: number;
  readonly createdAtMs: number;
}

/**
 * What a router remembers over its restarts; all that the rest of the router knows of storage. Asynchronous, so that a store which
 * several routers share can take its place. What has resolved survives a kill.
 */
export interface Registry {
  nodes(): Promise<StoredNode[]>;
  /** Adds the node, or replaces the one with its id. */
  saveNode(node: StoredNode): Promise<void>;
  /** With its credential and its upstream key. */
  removeNode(id: string): Promise<void>;

  /** Lets a node that knows the secret of this hash report; replaces what was there. */
  saveCredential(nodeId: string, hash: string): Promise<void>;
  nodeOfCredential(hash: string): Promise<string | undefined>;

  /** What is sent to each node that wants a key, by the node's id. */
  upstreamKeys(): Promise<Map<string, string>>;
  saveUpstreamKey(nodeId: string, key: string): Promise<void>;

  tokens(): Promise<StoredToken[]>;
  addToken(token: StoredToken & { readonly hash: string }): Promise<void>;
  /** Is there such a token, and not expired? */
  hasToken(hash: string, nowMs: number): Promise<boolean>;
  /** Uses the token up; false when it is unknown, expired or used. */
  takeToken(hash: string, nowMs: number): Promise<boolean>;
  removeToken(id: string): Promise<boolean>;

  keys(): Promise<StoredKey[]>;
  addKey(key: StoredKey): Promise<void>;
  removeKey(id: string): Promise<boolean>;

  close(): Promise<void>;
}
