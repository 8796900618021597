import { isRecord, parseJson } from "../core/json.ts";
import type { ModelShape } from "../gguf/model-shape.ts";

/** Version of every JSON file in the store; a file with a higher one was written by a newer llmlb and is left alone. */
export const storeSchemaVersion = 1;

/** A published model's identity. `tag` is its quantization as the repository writes it, or the file's name where that says none. */
export interface ModelName {
  /** Hub that the name belongs to; a mirror (HF_ENDPOINT) stands in for it and does not change it. */
  host: string;
  org: string;
  name: string;
  tag: string;
}

/** `adapter`: only of Ollama's models. `weights`: safetensors of which a model is made, never in a manifest. */
export type FileRole = "model" | "projector" | "license" | "template" | "adapter" | "weights";

export interface StoredFile {
  role: FileRole;
  /** Path inside the repository; for people, never used as a path here. */
  name: string;
  /** `sha256:<64 hex>`. */
  digest: string;
  sizeBytes: number;
}

export interface ModelSource {
  endpoint: string;
  /** `org/name` in the Hub's own letter case. */
  repository: string;
  commit: string;
  /** Branch or tag that was asked for, if any. */
  revision?: string;
  file: string;
  /** How the model was made of the repository's files; absent = it is one of them. */
  recipe?: Recipe;
}

export interface Recipe {
  /** E.g. `Q4_K_M`. */
  type: string;
  /** Of the files that it was made of, and of the conversion; see `PlannedConversion` in the hub. */
  sources: string;
  /** Version of our conversion to GGUF. */
  converter: number;
  /** Version of llama.cpp, where that quantized it. */
  llamaCpp?: string;
  /** Why it has nothing of what the repository's model sees or hears with. */
  leftOut?: string;
}

/** What listings show, read once from the GGUF header at publication. */
export interface ModelDetails {
  /** `gguf`; of Ollama's models also others, which are listed but cannot be loaded. */
  format: string;
  architecture: string;
  parameterCount: number;
  quantization: string;
  contextLength: number;
  embeddingLength: number;
  capabilities: string[];
  license?: string;
  /** Absent in manifests of llmlb before 0.2. */
  shape?: ModelShape;
}

export interface Manifest {
  schemaVersion: number;
  model: ModelName;
  /** Tag that the bare `org/name` meant when this was pulled. */
  defaultTag: string;
  source: ModelSource;
  files: StoredFile[];
  details: ModelDetails;
  /** RFC 3339. */
  pulledAt: string;
}

const manifestMaxChars = 1_000_000; // a real one has about 1,500
const filesMax = 1_000; // a split model of 1 TB has some 25 parts

/** Reads a manifest's text, or says in a few words why it cannot be used. */
export const parseManifest = (text: string): Manifest | string => {
  if (text.length > manifestMaxChars) return "it is too large";
  const value = parseJson(text);
  if (!isRecord(value)) return "it is not a JSON object";
  if (typeof value.schemaVersion !== "number") return "it has no schemaVersion";
  if (value.schemaVersion > storeSchemaVersion) return "a newer llmlb wrote it";
  if (!isModelName(value.model)) return "its model name is invalid";
  if (typeof value.defaultTag !== "string" || !isPathPart(value.defaultTag)) return "its default tag is invalid";
  if (!isSource(value.source)) return "its source is invalid";
  if (!Array.isArray(value.files) || value.files.length > filesMax || !value.files.every(isStoredFile))
    return "its file list is invalid";
  if (!value.files.some((file) => file.role === "model")) return "it names no model file";
  if (!isDetails(value.details)) return "its details are invalid";
  if (typeof value.pulledAt !== "string") return "it has no date";
  return value as unknown as Manifest;
};

/** What an alias stands for. */
export interface AliasTarget extends ModelName {
  /** A person made it with `cp`: removing it leaves the model. */
  copied?: boolean;
}

/** Reads an alias file: the model that it stands for. */
export const parseAliasFile = (text: string): AliasTarget | string => {
  const value = parseJson(text);
  if (!isRecord(value) || typeof value.schemaVersion !== "number") return "it is not an alias";
  if (value.schemaVersion > storeSchemaVersion) return "a newer llmlb wrote it";
  if (!isModelName(value.model)) return "its model name is invalid";
  return value.copied === true ? { ...value.model, copied: true } : value.model;
};

/** Whether a name may become one segment of a path in the store: never empty, hidden, or a way out of the folder. */
export const isPathPart = (part: string): boolean =>
  part.length <= 200 && /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(part) && !part.includes("..") && !part.endsWith(".");

export const isDigest = (digest: string): boolean => /^sha256:[0-9a-f]{64}$/.test(digest);

export const isModelName = (value: unknown): value is ModelName =>
  isRecord(value) &&
  [value.host, value.org, value.name, value.tag].every((part) => typeof part === "string" && isPathPart(part));

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const roles: ReadonlySet<unknown> = new Set<FileRole>(["model", "projector", "license", "template"]);

const isStoredFile = (value: unknown): value is StoredFile =>
  isRecord(value) &&
  roles.has(value.role) &&
  typeof value.name === "string" &&
  typeof value.digest === "string" &&
  isDigest(value.digest) &&
  isSize(value.sizeBytes);

const isSource = (value: unknown): value is ModelSource =>
  isRecord(value) &&
  [value.endpoint, value.repository, value.commit, value.file].every((part) => typeof part === "string") &&
  (value.revision === undefined || typeof value.revision === "string") &&
  (value.recipe === undefined || isRecipe(value.recipe));

const isRecipe = (value: unknown): value is Recipe =>
  isRecord(value) &&
  typeof value.type === "string" &&
  typeof value.sources === "string" &&
  isSize(value.converter) &&
  [value.llamaCpp, value.leftOut].every((text) => text === undefined || typeof text === "string");

const isDetails = (value: unknown): value is ModelDetails =>
  isRecord(value) &&
  value.format === "gguf" &&
  typeof value.architecture === "string" &&
  typeof value.quantization === "string" &&
  isSize(value.parameterCount) &&
  isSize(value.contextLength) &&
  isSize(value.embeddingLength) &&
  Array.isArray(value.capabilities) &&
  value.capabilities.every((capability) => typeof capability === "string") &&
  (value.license === undefined || typeof value.license === "string") &&
  (value.shape === undefined || isShape(value.shape));

const isShape = (value: unknown): value is ModelShape =>
  isRecord(value) && [value.sizeBytes, value.kvElementsPerToken, value.widest, value.vocabulary].every(isSize);
