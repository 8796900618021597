import type { GgufHeader } from "../gguf/header.ts";
import { modelFacts } from "../gguf/model-facts.ts";
import { projectorFacts } from "../gguf/projector-facts.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import { findText, toJsonValue } from "../gguf/value.ts";
import { type OllamaTexts, readOllamaTexts } from "./ollama-settings.ts";
import type { Store } from "./open-store.ts";
import type { StoredModel } from "./scan-models.ts";

export interface ModelDescription {
  /** The GGUF's own key-value pairs; long arrays as null unless they were asked for. */
  metadata: Record<string, unknown>;
  /** The same of its multimodal projector, with the number of its parameters; absent for a model without one. */
  projector?: Record<string, unknown>;
  /** Jinja text; empty when the file has none. */
  chatTemplate: string;
  capabilities: string[];
  /** The license's text where the repository has one, else its identifier. */
  license?: string;
  /** The texts that came with a model of Ollama's. */
  ollama?: OllamaTexts;
}

// Keeps lists of layers and tags, leaves out vocabularies.
const shortArrayItems = 128;
const licenseMaxBytes = 1_000_000; // the longest model licenses have about 60,000

/** Reads what `show` prints from the model's files. Throws `corrupt` when they are missing or broken, `unsupported` like `modelPath`. */
export const describeModel = async (
  store: Store,
  model: StoredModel,
  withArrays = false,
): Promise<ModelDescription> => {
  const limit = withArrays ? {} : { arrayItemsMax: shortArrayItems };
  const header = await readGgufHeader(store.modelPath(model), { label: model.name, ...limit });
  const projectorPath = store.projectorPath(model);
  const label = `the projector of ${model.name}`;
  const projector = projectorPath === undefined ? undefined : await readGgufHeader(projectorPath, { label, ...limit });
  const ollama = model.ollama && readOllamaTexts(model.ollama);
  const facts = ollama && modelFacts(header);
  const licenses = ollama ? ollama.licenses.join("\n") : await readLicense(store, model);
  const license = licenses || (facts ? facts.license : model.manifest.details.license);
  return {
    metadata: toJson(header),
    ...(projector && { projector: describeProjector(projector) }),
    chatTemplate: findText(header.metadata, "tokenizer.chat_template") ?? "",
    capabilities: [
      ...(facts?.capabilities ?? model.manifest.details.capabilities.filter((name) => name !== "vision")),
      ...(projector ? projectorFacts(projector).senses : []),
    ],
    ...(license ? { license } : {}),
    ...(ollama && { ollama }),
  };
};

const toJson = ({ metadata }: GgufHeader): Record<string, unknown> =>
  Object.fromEntries([...metadata].map(([key, value]) => [key, toJsonValue(value)]));

const describeProjector = (header: GgufHeader): Record<string, unknown> => ({
  ...toJson(header),
  "general.parameter_count": projectorFacts(header).parameterCount,
});

const readLicense = async (store: Store, { manifest }: StoredModel): Promise<string | undefined> => {
  const file = manifest.files.find(({ role }) => role === "license");
  if (!file || file.sizeBytes > licenseMaxBytes) return undefined;
  return await Bun.file(store.blobPath(file.digest))
    .text()
    .catch(() => undefined);
};
