import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Cluster, NodeState, Outcome } from "../types.ts";
import type { Client } from "./client.ts";
import type { UpstreamAnswer } from "./connection.ts";
import { judge } from "./judge.ts";
import type { Sending, Upstream, UpstreamRequest } from "./upstream.ts";
import type { UpstreamBody } from "./upstream-body.ts";
import { headerOf } from "./upstream-headers.ts";
import { keepVigil, type Vigil } from "./vigil.ts";

/** An answer whose first byte is here: no other node is asked any more. */
export interface Begun {
  readonly kind: "begun";
  readonly answer: UpstreamAnswer;
  /** The first piece of the body; empty where it has none. */
  readonly first: Uint8Array;
  /** Present where the answer is here in full: it is sent in one piece. */
  readonly whole?: Uint8Array;
  /** All of the body, the first byte too, under the vigil. */
  readonly body: UpstreamBody;
}

/** Nothing came that a client could be sent. */
export interface Failed {
  readonly kind: "failed";
  readonly error: AppError;
  /** Absent = it says nothing of the node. */
  readonly outcome?: Outcome;
  /** What the node said, for the client when no other node does better. */
  readonly told?: { answer: UpstreamAnswer; whole: Uint8Array };
}

export interface AttemptOptions {
  upstream: Upstream;
  clock: Clock;
  cluster: Pick<Cluster, "find">;
  node: NodeState;
  firstByteMs: number;
  client: Client;
}

// An answer of this size is here as soon as its first byte is; until it is, a node that dies over it can be replaced.
const wholeMaxBytes = 1024 * 1024;
const errorMaxBytes = 64 * 1024;

/** Asks one node, up to the first byte of its answer. Never rejects. */
export const attempt = async (request: UpstreamRequest, options: AttemptOptions): Promise<Begun | Failed> => {
  const { clock, cluster, node, firstByteMs, client } = options;
  let sending: Sending | undefined;
  let body: UpstreamBody | undefined;
  let end: AppError | undefined; // why it was stopped
  const giveUp = (error: AppError): void => {
    end ??= error;
    sending?.cancel();
    body?.cancel();
  };
  const vigil = keepVigil({ clock, cluster, nodeId: node.id, firstByteMs, giveUp });
  const release = (): void => {
    vigil.end();
    client.whenGone(undefined);
  };
  try {
    if (client.isGone) throw clientGone();
    client.whenGone(() => giveUp(clientGone()));
    sending = options.upstream.begin(request);
    const answer = await sending.answer;
    const judgement = judge(answer, node.id);
    const whole = judgement.kind === "answer" ? takeWhole(answer) : undefined;
    if (whole) {
      release();
      return { kind: "begun", answer, first: whole, whole, body: noBody };
    }
    body = guarded(answer.body, { vigil, release, endOf: () => end });
    if (judgement.kind === "answer") return await begin(answer, body);
    const told = judgement.tell ? await readWhole(body, errorMaxBytes) : undefined;
    body.cancel();
    const { outcome, error } = judgement;
    return { kind: "failed", outcome, error, ...(told && { told: { answer, whole: told } }) };
  } catch (thrown) {
    release();
    const error = end ?? toAppError(thrown);
    return { kind: "failed", error, ...(error.code !== "cancelled" && { outcome: outcomeOf(error) }) };
  }
};

const clientGone = () => new AppError("cancelled", "the client went away");

/** The answer that has arrived with its head, as short ones do: it needs no watching any more. */
const takeWhole = (answer: UpstreamAnswer): Uint8Array | undefined =>
  lengthOf(answer) <= wholeMaxBytes ? answer.body.takeWhole() : undefined;

const lengthOf = (answer: UpstreamAnswer): number => Number(headerOf(answer, "content-length") ?? Number.NaN);

const noBody: UpstreamBody = { read: async () => undefined, cancel: () => undefined };

const outcomeOf = ({ code }: AppError): Outcome => (code === "connection" ? "unreachable" : "failed");

const begin = async (answer: UpstreamAnswer, body: UpstreamBody): Promise<Begun> => {
  // What is refused is looked through before it is passed on; more than an error has to say is not passed on at all.
  const isWhole = lengthOf(answer) <= wholeMaxBytes || answer.status >= 400;
  const first = isWhole ? await readWhole(body, wholeMaxBytes) : await body.read();
  if (first === undefined) {
    body.cancel();
    return { kind: "begun", answer, body, first: empty, whole: empty };
  }
  if (isWhole) return { kind: "begun", answer, body, first, whole: first };
  return { kind: "begun", answer, first, body: startingWith(first, body) };
};

const empty = new Uint8Array();

const startingWith = (first: Uint8Array, body: UpstreamBody): UpstreamBody => {
  let upcoming: Uint8Array | undefined = first;
  return {
    read() {
      if (!upcoming) return body.read();
      const piece = upcoming;
      upcoming = undefined;
      return Promise.resolve(piece);
    },
    cancel: body.cancel,
  };
};

/** The body, with word to the vigil of what comes; `release` is called at its end. */
const guarded = (
  body: UpstreamBody,
  { vigil, release, endOf }: { vigil: Vigil; release(): void; endOf(): AppError | undefined },
): UpstreamBody => ({
  async read() {
    try {
      const piece = await body.read();
      if (piece) vigil.sawBytes();
      else {
        release();
        const error = endOf(); // what looks like the end of a body that was given up is none
        if (error) throw error;
      }
      return piece;
    } catch (error) {
      release();
      throw endOf() ?? error;
    }
  },
  cancel() {
    release();
    body.cancel();
  },
});

/** Undefined = it is larger. */
const readWhole = async (body: UpstreamBody, maxBytes: number): Promise<Uint8Array | undefined> => {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let piece = await body.read(); piece; piece = await body.read()) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
};
