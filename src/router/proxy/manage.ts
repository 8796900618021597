import type { OllamaPullProgress } from "../../api/ollama.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { NodeState } from "../types.ts";
import { type CallDeps, callNode, managesModels, succeeded, takesRequests } from "./call-node.ts";
import type { UpstreamAnswer } from "./connection.ts";
import type { NamedNodes } from "./named-nodes.ts";
import { pull } from "./pull.ts";

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
  /** To the node that is best for it, or to all; each record says of which node it is. */
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
    pull: (body, all, signal) => pull(deps, managing(), { body, all, signal }),
  };
};
