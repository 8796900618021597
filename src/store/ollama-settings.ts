import { isRecord, parseJson } from "../core/json.ts";
import { findOllamaBlob } from "./ollama-blob.ts";
import type { OllamaLayerKind } from "./ollama-manifest.ts";
import { readBounded } from "./read-bounded.ts";
import type { OllamaOrigin } from "./scan-models.ts";

/** What the maker of an Ollama model has set beside its weights, for requests that say nothing else. */
export interface OllamaSettings {
  /** Ollama's options by name, unchecked; empty where there are none. */
  params: Readonly<Record<string, unknown>>;
  system?: string;
  /** Turns that every chat begins with. */
  messages: OllamaTurn[];
}

export interface OllamaTurn {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface OllamaTexts {
  /** Go text, which llmlb shows and does not run. */
  template?: string;
  licenses: string[];
}

const textMaxBytes = 1_000_000; // the longest licenses and system messages have about 60,000
const licensesMax = 32;
const turnsMax = 1_000;

/** A layer that is missing, too large or garbage counts as absent. */
export const readOllamaSettings = (origin: OllamaOrigin): OllamaSettings => {
  const params = parseJson(readLast(origin, "params") ?? "");
  const turns = parseJson(readLast(origin, "messages") ?? "");
  const system = readLast(origin, "system");
  return {
    params: isRecord(params) ? params : {},
    messages: Array.isArray(turns) ? turns.slice(0, turnsMax).filter(isTurn) : [],
    ...(system?.trim() && { system }),
  };
};

export const readOllamaTexts = (origin: OllamaOrigin): OllamaTexts => {
  const template = readLast(origin, "template");
  const licenses = readAll(origin, "license").slice(0, licensesMax);
  return { licenses, ...(template && { template }) };
};

/** Ollama lets the last layer of a kind win. */
const readLast = (origin: OllamaOrigin, kind: OllamaLayerKind): string | undefined => readAll(origin, kind).at(-1);

const readAll = ({ root, layers }: OllamaOrigin, wanted: OllamaLayerKind): string[] =>
  layers.flatMap(({ kind, digest, sizeBytes }) => {
    if (kind !== wanted || sizeBytes > textMaxBytes) return [];
    const path = findOllamaBlob(root, digest);
    return (path && readBounded(path, textMaxBytes)?.toString("utf8")) ?? [];
  });

const isTurn = (value: unknown): value is OllamaTurn =>
  isRecord(value) &&
  (value.role === "system" || value.role === "user" || value.role === "assistant") &&
  typeof value.content === "string";
