import { errorOfResponse } from "../../client/server-error.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Cluster, NodeState } from "../types.ts";
import type { UpstreamAnswer } from "./connection.ts";
import type { Upstream } from "./upstream.ts";

export interface CallDeps {
  cluster: Cluster;
  upstream: Upstream;
  clock: Clock;
}

export interface NodeCall {
  method: string;
  path: string;
  json?: unknown;
  signal?: AbortSignal;
}

const encoder = new TextEncoder();

/** A question of the router's own to a node, or one that it passes on in its own words. Rejects like `Upstream.send`. */
export const callNode = (
  { cluster, upstream }: CallDeps,
  node: NodeState,
  { method, path, json, signal }: NodeCall,
): Promise<UpstreamAnswer> => {
  const credential = cluster.credential(node.id);
  return upstream.send(
    {
      ...{ base: node.url, method, path },
      headers: [
        ["accept-encoding", "identity"],
        ...(json === undefined ? [] : [["content-type", "application/json"] as const]),
        ...(credential === undefined ? [] : [["authorization", `Bearer ${credential}`] as const]),
      ],
      ...(json !== undefined && { body: encoder.encode(JSON.stringify(json)) }),
    },
    signal ?? new AbortController().signal,
  );
};

const textMaxBytes = 64 * 1024 * 1024; // a listing of 100,000 models

/** The whole of an answer as text. Throws `corrupt` for one that is too long. */
export const readText = async ({ body }: UpstreamAnswer): Promise<string> => {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let piece = await body.read(); piece; piece = await body.read()) {
    bytes += piece.length;
    pieces.push(piece);
    if (bytes <= textMaxBytes) continue;
    body.cancel();
    throw new AppError("corrupt", "the node's answer is too long");
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
};

/** The text of a good answer. Throws what the node says otherwise. */
export const succeeded = async (answer: UpstreamAnswer, node: NodeState): Promise<string> => {
  const text = await readText(answer);
  if (answer.status < 300) return text;
  const place = { host: `node ${node.id}`, path: "" };
  throw await errorOfResponse(new Response(null, { status: answer.status }), text, place, { 404: "model_not_found" });
};

/** Kinds with Ollama's API for models: to list, describe, pull and delete them. */
export const managesModels = ({ kind }: NodeState): boolean => kind === "llmlb" || kind === "ollama";

export const takesRequests = ({ status }: NodeState): boolean => status === "online" || status === "degraded";
