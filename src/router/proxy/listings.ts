import type { OllamaListedModel, OllamaPsResponse, OllamaRunningModel, OllamaTagsResponse } from "../../api/ollama.ts";
import type { OpenAiModel, OpenAiModelList } from "../../api/openai.ts";
import { AppError } from "../../core/errors.ts";
import { isRecord, parseJson } from "../../core/json.ts";
import { type ModelNames, resolveModel } from "../choice/resolve-model.ts";
import type { ModelReading, NodeState } from "../types.ts";
import { type CallDeps, callNode, managesModels, readText, takesRequests } from "./call-node.ts";

/** The models of all nodes as one list: what several have stands in it once. */
export interface Listings {
  openAi(): OpenAiModelList;
  /** Throws `model_not_found`. */
  openAiModel(name: string): OpenAiModel;
  tags(): Promise<OllamaTagsResponse>;
  ps(): Promise<OllamaPsResponse>;
}

// A list is worth waiting for no longer: of a node that does not answer by then, the list has what it told before.
const patienceMs = 1_000;

const noNames: ModelNames = { aliases: new Map(), fallbacks: new Map() };

export const createListings = (deps: CallDeps, names = () => noNames): Listings => {
  const current = () => deps.cluster.nodes().filter(takesRequests);
  const openAiModel = (name: string): OpenAiModel => {
    const [meant] = resolveModel(name, names(), { has: (model) => current().some((node) => hasModel(node, model)) });
    const node = current().find((one) => hasModel(one, meant));
    const model = node?.modelsByName.get(meant.toLowerCase());
    if (!node || !model)
      throw new AppError("model_not_found", `model "${name.slice(0, 200)}" not found: no node has it`);
    return meant === name ? toOpenAi(model, node) : { ...toOpenAi(model, node), id: name };
  };
  /** Those of the names in the file that lead to a model which is there. */
  const aliases = (): OpenAiModel[] =>
    [...names().aliases.keys()].flatMap((alias) => {
      try {
        return openAiModel(alias);
      } catch {
        return [];
      }
    });
  return {
    openAi: () => ({ object: "list", data: [...firstOf(current(), toOpenAi).values(), ...aliases()] }),
    openAiModel,
    async tags() {
      const nodes = current();
      const told = await askEach<OllamaListedModel>(deps, nodes, "/api/tags");
      const models = new Map<string, OllamaListedModel>();
      for (const model of told) if (!models.has(model.name)) models.set(model.name, model);
      for (const [name, model] of firstOf(nodes, toListed)) if (!models.has(name)) models.set(name, model);
      return { models: [...models.values()] };
    },
    ps: async () => ({ models: await askEach<OllamaRunningModel>(deps, current(), "/api/ps") }),
  };
};

const hasModel = ({ modelsByName }: NodeState, name: string): boolean => modelsByName.has(name.toLowerCase());

const firstOf = <T>(nodes: readonly NodeState[], make: (model: ModelReading, node: NodeState) => T): Map<string, T> => {
  const all = new Map<string, T>();
  for (const node of nodes)
    for (const model of node.reading.models) if (!all.has(model.name)) all.set(model.name, make(model, node));
  return all;
};

const toOpenAi = ({ name }: ModelReading, { kind, addedAtMs }: NodeState): OpenAiModel => {
  const [org = ""] = name.includes("/") ? name.split("/") : [kind];
  return { id: name, object: "model", created: Math.floor(addedAtMs / 1000), owned_by: org };
};

/** As much as is known of a model of a server without Ollama's API. */
const toListed = ({ name, sizeBytes = 0 }: ModelReading, { addedAtMs }: NodeState): OllamaListedModel => ({
  ...{ name, model: name, size: sizeBytes, digest: "" },
  modified_at: new Date(addedAtMs).toISOString(),
  details: { parent_model: "", format: "", family: "", families: [], parameter_size: "", quantization_level: "" },
});

/** The models that the nodes list, of those that answer in time. */
const askEach = async <T>(deps: CallDeps, nodes: readonly NodeState[], path: string): Promise<T[]> => {
  const asked = nodes.filter(managesModels).map((node) => askOne<T>(deps, node, path));
  return (await Promise.all(asked)).flat();
};

const askOne = async <T>(deps: CallDeps, node: NodeState, path: string): Promise<T[]> => {
  const late = new AbortController();
  const none = Promise.withResolvers<T[]>();
  const cancel = deps.clock.after(patienceMs, () => {
    late.abort();
    none.resolve([]);
  });
  const read = async (): Promise<T[]> => {
    const answer = await callNode(deps, node, { method: "GET", path, signal: late.signal });
    const json = parseJson(await readText(answer));
    return isRecord(json) && Array.isArray(json.models) ? json.models : [];
  };
  return await Promise.race([read().catch(() => []), none.promise]).finally(cancel);
};
