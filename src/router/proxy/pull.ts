import type { OllamaPullPlan, OllamaPullProgress } from "../../api/ollama.ts";
import { readNdjson } from "../../client/ndjson.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import { isRecord, parseJson } from "../../core/json.ts";
import { choosePullNode, type PullSize } from "../choice/choose-pull-node.ts";
import type { NodeState } from "../types.ts";
import { type CallDeps, callNode, succeeded } from "./call-node.ts";
import type { UpstreamBody } from "./upstream-body.ts";

export interface PullAsked {
  body: Readonly<Record<string, unknown>>;
  /** To every node, not to the best for it. */
  all: boolean;
  signal: AbortSignal;
}

type Json = PullAsked["body"];

/** One node is chosen by what a node says that the model takes; where none can say, by what is known without. */
const pullTargets = async (
  deps: CallDeps,
  nodes: NodeState[],
  { body, all, signal }: PullAsked,
): Promise<NodeState[]> => {
  if (nodes.length === 0) throw new AppError("busy", "no node that pulls models takes requests");
  if (all || nodes.length === 1) return nodes;
  const model = String(body.model ?? body.name);
  const size = body.dry_run === true ? undefined : await planSize(deps, nodes, body, signal).catch(() => undefined);
  return [choosePullNode(nodes, { model, size })];
};

const planMs = 10_000; // it asks the Hub; a choice by free memory alone is better than waiting for longer

/** Asks an llmlb node; Ollama has no such question. */
const planSize = async (
  deps: CallDeps,
  nodes: readonly NodeState[],
  body: Json,
  signal: AbortSignal,
): Promise<PullSize | undefined> => {
  const node = nodes.find(({ kind }) => kind === "llmlb");
  if (!node) return undefined;
  const late = new AbortController();
  const cancel = deps.clock.after(planMs, () => late.abort());
  const json = { ...body, all: undefined, stream: false, dry_run: true };
  try {
    const both = AbortSignal.any([signal, late.signal]);
    const answer = await callNode(deps, node, { method: "POST", path: "/api/pull", json, signal: both });
    const plan = parseJson(await succeeded(answer, node)) as Partial<OllamaPullPlan> | undefined;
    if (plan?.status !== "dry run" || plan.total === undefined) return undefined;
    return { diskBytes: plan.conversion?.peak ?? plan.total, modelBytes: plan.conversion?.result ?? plan.total };
  } finally {
    cancel();
  }
};

/** The progress on all nodes that pull as it comes. One that fails does not end the others; it is told at the end. */
export async function* pull(
  deps: CallDeps,
  managing: NodeState[],
  asked: PullAsked,
): AsyncGenerator<OllamaPullProgress & { node: string }> {
  const { body, signal } = asked;
  const nodes = await pullTargets(deps, managing, asked);
  const faults: AppError[] = [];
  const sources = nodes.map((node) => progressOf(deps, node, body, signal));
  const pending = new Map<number, Promise<{ index: number; result?: IteratorResult<OllamaPullProgress> }>>();
  const advance = (index: number) =>
    void pending.set(
      index,
      (sources[index] as AsyncGenerator<OllamaPullProgress>).next().then(
        (result) => ({ index, result }),
        (error) => {
          faults.push(toAppError(error));
          return { index };
        },
      ),
    );
  for (const index of sources.keys()) advance(index);
  let last: (OllamaPullProgress & { node: string }) | undefined;
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      if (!result || result.done) {
        pending.delete(index);
        continue;
      }
      advance(index);
      const node = nodes[index]?.id ?? "";
      if (result.value.status !== "success") yield { ...result.value, node };
      else {
        await deps.cluster.refresh([node]); // before anybody asks for the model
        last = { ...result.value, node };
        if (nodes.length > 1) yield { status: `pulled to node ${node}`, node };
      }
    }
  } finally {
    await Promise.allSettled(sources.map((source) => source.return(undefined)));
  }
  if (faults[0]) throw faults[0];
  if (last) yield last; // clients end at it
}

async function* progressOf(deps: CallDeps, node: NodeState, body: Json, signal: AbortSignal) {
  const json = { ...body, all: undefined, stream: true };
  const answer = await callNode(deps, node, { method: "POST", path: "/api/pull", json, signal });
  if (answer.status >= 300) await succeeded(answer, node);
  for await (const record of readNdjson<OllamaPullProgress>(toStream(answer.body))) if (isRecord(record)) yield record;
}

const toStream = (body: UpstreamBody): ReadableStream<Uint8Array> =>
  new ReadableStream(
    {
      async pull(controller) {
        const piece = await body.read();
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
