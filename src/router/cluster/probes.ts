import type { NodeKind } from "../../api/router.ts";
import type { ModelReading, NodeReading } from "../types.ts";
import type { Ask } from "./ask-node.ts";
import { heldPrompts } from "./held-prompts.ts";
import { llmlbReading } from "./llmlb-reading.ts";
import { bodyOf, countOf, type Fields, fieldsOf, recordsOf, textOf, textsOf, told } from "./read-answer.ts";

/** Asks a node of one kind what it has. Throws `connection` when it does not answer, or not as its kind does. */
export type Probe = (ask: Ask) => Promise<NodeReading>;

const llmlb: Probe = async (ask) => {
  const [answer, tags] = await Promise.all([ask("/api/node?prompts=1"), ask("/api/tags")]);
  const report = bodyOf(answer);
  return llmlbReading(report, recordsOf(bodyOf(tags).models), heldPrompts(report.prompts));
};

const ollama: Probe = async (ask) => {
  const [version, tags, ps] = await Promise.all([ask("/api/version"), ask("/api/tags"), ask("/api/ps")]);
  const running = new Map(recordsOf(bodyOf(ps).models).map((model) => [textOf(model.name), model]));
  const models = named(recordsOf(bodyOf(tags).models), "name", (model, name) => ({
    loaded: running.has(name),
    ...told({ sizeBytes: countOf(model.size), contextTokens: countOf(running.get(name)?.context_length) }),
  }));
  return { models, ...told({ version: textOf(bodyOf(version).version) }) };
};

/** Its own API of version 1, or of version 0 in releases before 0.4. */
const lmStudio: Probe = async (ask) => {
  const [newer, older] = await Promise.all([ask("/api/v1/models"), ask("/api/v0/models")]);
  if (Array.isArray(fieldsOf(newer.body).models)) return { models: lmStudioModels(recordsOf(bodyOf(newer).models)) };
  return {
    models: named(recordsOf(bodyOf(older).data), "id", (model) => ({
      loaded: model.state === "loaded",
      ...told({ contextTokens: countOf(model.loaded_context_length) }),
    })),
  };
};

const lmStudioModels = (models: readonly Fields[]): ModelReading[] =>
  named(models, "key", (model) => {
    const instances = recordsOf(model.loaded_instances);
    return {
      loaded: instances.length > 0,
      ...told({
        sizeBytes: countOf(model.size_bytes),
        contextTokens: countOf(fieldsOf(instances[0]?.config).context_length),
      }),
    };
  });

/** It has one model, and its adapters, and holds them all. */
const vllm: Probe = async (ask) => {
  const [version, models] = await Promise.all([ask("/version"), ask("/v1/models")]);
  return { ...openAiReading(bodyOf(models)), ...told({ version: textOf(fieldsOf(version.body).version) }) };
};

const llamaServer: Probe = async (ask) => {
  const [props, models] = await Promise.all([ask("/props"), ask("/v1/models")]);
  if (models.status === 503) return { models: [], trouble: "it is loading its model" };
  const { total_slots, build_info, default_generation_settings } = fieldsOf(props.body);
  const slots = countOf(total_slots);
  const contextTokens = countOf(fieldsOf(default_generation_settings).n_ctx);
  const reading = openAiReading(bodyOf(models));
  return {
    ...told({ version: textOf(build_info) }),
    // In its router mode it holds many models and has no slots of its own.
    models: reading.models.map((model) => ({ ...(model.loaded && told({ slots, contextTokens })), ...model })),
  };
};

const openAi: Probe = async (ask) => openAiReading(bodyOf(await ask("/v1/models")));

/** A model of which nothing else is told can be used at once: these servers list what they hold. */
const openAiReading = (body: Fields): NodeReading => ({
  models: named(recordsOf(body.data), "id", (model) => {
    const state = fieldsOf(model.status).value; // llama-server's, in its router mode
    const aliases = textsOf(model.aliases);
    return {
      loaded: state === undefined || state === "loaded",
      ...(aliases.length > 0 && { aliases }),
      ...told({ contextTokens: countOf(model.max_model_len), sizeBytes: countOf(fieldsOf(model.meta).size) }),
    };
  }),
});

const named = (
  models: readonly Fields[],
  nameField: string,
  read: (model: Fields, name: string) => Omit<ModelReading, "name">,
): ModelReading[] =>
  models.flatMap((model) => {
    const name = textOf(model[nameField]);
    return name === undefined ? [] : { name, ...read(model, name) };
  });

export const probes: Readonly<Record<NodeKind, Probe>> = {
  llmlb,
  ollama,
  "lm-studio": lmStudio,
  vllm,
  "llama-server": llamaServer,
  openai: openAi,
};
