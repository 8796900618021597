import type { OllamaShowResponse } from "../api/ollama.ts";
import { showOllamaParams } from "../dialect/ollama-params.ts";
import { describeModel, type ModelDescription } from "../store/describe-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { NodeDeps } from "./deps.ts";
import { toDetails } from "./details.ts";
import { modelfile } from "./modelfile.ts";

/** What `/api/show` tells. `verbose`: the vocabulary too. Throws like `describeModel`. */
export const showModel = async (
  { store }: Pick<NodeDeps, "store">,
  model: StoredModel,
  verbose: boolean,
): Promise<OllamaShowResponse> => {
  const described = await describeModel(store, model, verbose);
  const { metadata, projector, chatTemplate, capabilities, license, ollama } = described;
  const { leftOut } = model.manifest.source.recipe ?? {};
  const { params = {}, system } = store.settings(model) ?? {};
  const parameters = showOllamaParams(params);
  const template = ollama?.template ?? chatTemplate; // a Modelfile is Ollama's: it has Ollama's template
  const files = { modelPath: store.modelPath(model), adapterPaths: store.adapterPaths(model) };
  return {
    ...(license ? { license } : {}),
    modelfile: modelfile({ ...files, template, parameters, system, license }),
    parameters,
    template: chatTemplate,
    ...(system === undefined ? {} : { system }),
    details: toDetails(model.manifest),
    model_info: metadata,
    ...(projector && { projector_info: projector }),
    capabilities,
    modified_at: new Date(model.lastUsedMs).toISOString(),
    digest: model.id,
    size: model.sizeBytes,
    aliases: model.aliases,
    ...templateInUse(described),
    ...(model.ollama && { read_only: true }),
    ...(leftOut !== undefined && { left_out: leftOut }),
  };
};

/** Ollama's templates are Go text, which nothing here runs; llama.cpp renders the Jinja template in the model's file. */
const templateInUse = ({ ollama, chatTemplate }: ModelDescription): Pick<OllamaShowResponse, "template_in_use"> => {
  if (!ollama?.template) return {};
  const own = chatTemplate ? "the GGUF's own chat template" : "ChatML, since the GGUF has no chat template";
  return { template_in_use: `${own} (Ollama's Go template is not used)` };
};
