import { isRecord, parseJson } from "../core/json.ts";
import { isDigest } from "./manifest.ts";

/** The layers that llmlb makes use of, by the last word of their media type. */
const kinds = {
  "application/vnd.ollama.image.model": "model",
  "application/vnd.ollama.image.projector": "projector",
  "application/vnd.ollama.image.adapter": "adapter",
  "application/vnd.ollama.image.template": "template",
  "application/vnd.ollama.image.prompt": "template", // of before 2024
  "application/vnd.ollama.image.params": "params",
  "application/vnd.ollama.image.system": "system",
  "application/vnd.ollama.image.license": "license",
  "application/vnd.ollama.image.messages": "messages",
} as const;

export type OllamaLayerKind = (typeof kinds)[keyof typeof kinds];

export interface OllamaLayer {
  kind: OllamaLayerKind;
  /** `sha256:<64 hex>`. */
  digest: string;
  sizeBytes: number;
}

export interface OllamaManifest {
  /** Digest of the config blob; absent where the manifest names none that can be read. */
  config?: string;
  /** In the manifest's order, without those of kinds that nobody here knows. */
  layers: OllamaLayer[];
  /** Everything together, unknown layers too, as Ollama counts. */
  sizeBytes: number;
}

/** What Ollama's config blob says; each field is empty or absent where it does not. */
export interface OllamaConfig {
  /** `gguf`, `safetensors`, ... */
  format: string;
  /** As the GGUF calls its architecture, or nearly so. */
  family: string;
  /** Such as `3.2B`. */
  parameterSize: string;
  quantization: string;
  /** Set for a model that Ollama runs elsewhere. */
  remoteHost?: string;
}

/** Reads a manifest's text, or says in a few words why it is none. What is wrong with single layers only costs these. */
export const parseOllamaManifest = (text: string): OllamaManifest | string => {
  const value = parseJson(text);
  if (!isRecord(value)) return "it is not a JSON object";
  if (value.layers !== undefined && value.layers !== null && !Array.isArray(value.layers)) return "it has no layers";
  const entries: unknown[] = value.layers ?? [];
  const config = isRecord(value.config) ? digestOf(value.config) : undefined;
  const sizeBytes = [value.config, ...entries].reduce<number>((sum, entry) => sum + sizeOf(entry), 0);
  return { ...(config && { config }), layers: entries.flatMap((entry) => toLayer(entry) ?? []), sizeBytes };
};

/** Reads a config blob; a broken one is like an empty one. */
export const parseOllamaConfig = (text: string): OllamaConfig => {
  const value = parseJson(text);
  const config = isRecord(value) ? value : {};
  const word = (field: string) => (typeof config[field] === "string" ? config[field].slice(0, wordMaxChars) : "");
  const remoteHost = word("remote_host");
  return {
    format: word("model_format"),
    family: word("model_family"),
    parameterSize: word("model_type"),
    quantization: word("file_type"),
    ...(remoteHost && { remoteHost }),
  };
};

/** `3.2B` -> 3,200,000,000; 0 for what is no such number. */
export const parseParameterSize = (text: string): number => {
  const [, number, unit = ""] = /^(\d{1,6}(?:\.\d{1,6})?)\s*([KMBT]?)$/i.exec(text.trim()) ?? [];
  return number === undefined ? 0 : Math.round(Number(number) * (units[unit.toUpperCase()] ?? 1));
};

const wordMaxChars = 200; // far above any real value; these are printed

const units: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 };

const toLayer = (entry: unknown): OllamaLayer | undefined => {
  if (!isRecord(entry) || typeof entry.mediaType !== "string") return undefined;
  const [mediaType = ""] = entry.mediaType.split(";");
  if (!isKnown(mediaType)) return undefined;
  const digest = digestOf(entry);
  return digest ? { kind: kinds[mediaType], digest, sizeBytes: sizeOf(entry) } : undefined;
};

const isKnown = (mediaType: string): mediaType is keyof typeof kinds => Object.hasOwn(kinds, mediaType);

/** Only what has the form of a digest ever becomes a path. */
const digestOf = ({ digest }: Record<string, unknown>): string | undefined =>
  typeof digest === "string" && isDigest(digest) ? digest : undefined;

const sizeOf = (entry: unknown): number =>
  isRecord(entry) && Number.isSafeInteger(entry.size) && Number(entry.size) > 0 ? Number(entry.size) : 0;
