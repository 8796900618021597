import { AppError, type AppErrorOptions } from "../../core/errors.ts";
import type { Outcome } from "../types.ts";
import type { ResponseHead } from "./response-parser.ts";
import { headerOf } from "./upstream-headers.ts";

/** What the head of an answer means: it is the client's, or another node is asked; then what it says of this one. */
export type Judgement =
  | { kind: "answer" }
  | { kind: "elsewhere"; outcome: Outcome; error: AppError /** The client may see the body. */; tell: boolean };

/**
 * A node that has no place, or not the model after all, is in order: another one is asked. So it is after a fault of the node's. What a node
 * refuses, every node would: the client is told.
 */
export const judge = (head: ResponseHead, node: string): Judgement => {
  const { status } = head;
  const elsewhere = (outcome: Outcome, error: AppError, tell = true): Judgement => {
    return { kind: "elsewhere", outcome, error, tell };
  };
  const later = retryAfterOf(head);
  const said = `node ${node} answered ${status}`;
  if (status < 300) return { kind: "answer" };
  if (status < 400)
    return elsewhere("failed", new AppError("connection", `${said}: a redirect is not followed`), false);
  if (status === 401 || status === 403) return elsewhere("failed", new AppError("connection", refused(said)), false);
  if (status === 404) return elsewhere("answered", new AppError("model_not_found", `${said}: it has not the model`));
  if (status === 429) return elsewhere("answered", new AppError("busy", `${said}: it is busy`, later));
  if (status < 500) return { kind: "answer" };
  // Ollama's queue and llmlb's are full, llama-server is loading: that one is at work.
  const atWork = status === 503 && headerOf(head, "retry-after") !== undefined;
  return elsewhere(
    atWork ? "answered" : "failed",
    new AppError(status === 503 ? "busy" : "connection", `${said}: it ${atWork ? "is busy" : "failed"}`, later),
  );
};

/** The router's key, not the client's: a client that is told 401 would look for its own mistake. */
const refused = (said: string) => `${said}: it does not take the router's key`;

/** Where it says a number; a date is as good as nothing. */
const retryAfterOf = (head: ResponseHead): AppErrorOptions => {
  const [, seconds] = /^\s*(\d{1,5})\s*$/.exec(headerOf(head, "retry-after") ?? "") ?? [];
  return seconds === undefined ? {} : { retryAfterSeconds: Number(seconds) };
};
