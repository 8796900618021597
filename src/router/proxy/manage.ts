import type { OllamaPullProgress } from "../../api/ollama.ts";
import { readNdjson } from "../../client/ndjson.ts";
import { errorOfResponse } from "../../client/server-error.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { NodeState } from "../types.ts";
import { type CallDeps, callNode, managesModels, readText, takesRequests } from "./call-node.ts";
import type { UpstreamAnswer } from "./connection.ts";
import type { NamedNodes } from "./named-nodes.ts";
import type { UpstreamBody } from "./upstream-body.ts";

type Json = Readonly<Record<string, unknown>>;

/** What is done with models on nodes, rather than asked of a model; aliases are followed, fallbacks are not. Throws what the node says where none does it. */
export interface Management {
  /** Of the first node that has the model and describes models. */
  show(model: string, body: Json, signal: AbortSignal): Promise<Response>;
  /** On every node that has the model. */
  remove(model: string, body: Json): Promise<void>;
  copy(source: string, body: Json): Promise<void>;
  /** On every node that has it loaded. */
  unload(model: string, path: string, body: Json): Promise<void>;
  /** Asks the node that keeps a response for it, or to forget it. */
  response(nodeId: string, call: { method: string; path: string }): Promise<Response>;
  /** To the node with the most free memory, or to all; each record then says of which node it is. */
  pull(body: Json, all: boolean, signal: AbortSignal): AsyncGenerator<OllamaPullProgress & { node: string }>;
}

export const createManagement = (deps: CallDeps, { meant }: Pick<NamedNodes, "meant">): Management => {
  const managing = () => deps.cluster.nodes().filter((node) => takesRequests(node) && managesModels(node));
  const modelOn = ({ modelsByName }: NodeState, name: string) => modelsByName.get(meant(name).toLowerCase());
  const having = (name: string): NodeState[] => {
    const nodes = managing().filter((node) => modelOn(node, name));
    if (nodes.length > 0) return nodes;
    throw new AppError(
      "model_not_found",
      `model "${meant(name).slice(0, 200)}" not found: no node that manages models has it`,
    );
  };
  const nameOn = (node: NodeState, name: string) => modelOn(node, name)?.name ?? name;
  const bodyFor = (node: NodeState, model: string, body: Json) => ({
    ...body,
    name: undefined, // as older clients call the field
    model: nameOn(node, model),
  });
  const onEvery = async (nodes: NodeState[], call: (node: NodeState) => Promise<UpstreamAnswer>): Promise<string[]> => {
    const results = await Promise.allSettled(nodes.map(async (node) => await succeeded(await call(node), node)));
    const done = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (done.length > 0 || results.length === 0) return done;
    throw toAppError((results[0] as PromiseRejectedResult).reason);
  };
  const changed = (nodes: NodeState[]) => deps.cluster.refresh(nodes.map(({ id }) => id));
  return {
    async show(model, body, signal) {
      const [node] = having(model) as [NodeState];
      const json = bodyFor(node, model, body);
      const answer = await callNode(deps, node, { method: "POST", path: "/api/show", json, signal });
      const text = await succeeded(answer, node);
      return new Response(text, { headers: { "content-type": "application/json", "x-llmlb-node": node.id } });
    },
    async remove(model, body) {
      const nodes = having(model);
      await onEvery(nodes, (node) =>
        callNode(deps, node, { method: "DELETE", path: "/api/delete", json: bodyFor(node, model, body) }),
      );
      await changed(nodes);
    },
    async copy(source, body) {
      const nodes = having(source);
      await onEvery(nodes, (node) =>
        callNode(deps, node, { method: "POST", path: "/api/copy", json: { ...body, source: nameOn(node, source) } }),
      );
      await changed(nodes);
    },
    async unload(model, path, body) {
      const nodes = having(model).filter((node) => modelOn(node, model)?.loaded);
      await onEvery(nodes, (node) =>
        callNode(deps, node, { method: "POST", path, json: { ...bodyFor(node, model, body), stream: false } }),
      );
    },
    async response(nodeId, call) {
      const node = deps.cluster.find(nodeId);
      if (!node) throw new AppError("not_found", "the node that kept this response is gone");
      const text = await succeeded(await callNode(deps, node, call), node);
      return new Response(text, { headers: { "content-type": "application/json", "x-llmlb-node": nodeId } });
    },
    pull: (body, all, signal) => pull(deps, pullTargets(managing(), all), body, signal),
  };
};

const succeeded = async (answer: UpstreamAnswer, node: NodeState): Promise<string> => {
  const text = await readText(answer);
  if (answer.status < 300) return text;
  const place = { host: `node ${node.id}`, path: "" };
  throw await errorOfResponse(new Response(null, { status: answer.status }), text, place, { 404: "model_not_found" });
};

const pullTargets = (nodes: NodeState[], all: boolean): NodeState[] => {
  if (nodes.length === 0) throw new AppError("busy", "no node that pulls models takes requests");
  const best = nodes.reduce((a, b) => (roomOf(b) > roomOf(a) ? b : a));
  return all ? nodes : [best];
};

/** Free memory of the devices that models are computed on, or of the machine. */
const roomOf = ({ reading }: NodeState): number => {
  const used = (reading.devices ?? []).filter(({ used, kind }) => used && kind !== "cpu");
  return used.length > 0 ? used.reduce((sum, { free_bytes }) => sum + free_bytes, 0) : (reading.availableBytes ?? 0);
};

/** The progress on all nodes as it comes. One that fails does not end the others; it is told at the end. */
async function* pull(deps: CallDeps, nodes: NodeState[], body: Json, signal: AbortSignal) {
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
  yield* readNdjson<OllamaPullProgress>(toStream(answer.body));
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
