import { statSync } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { OllamaRef } from "../core/model-ref.ts";
import type { ModelName, StoredFile } from "./manifest.ts";
import { findOllamaBlob } from "./ollama-blob.ts";
import { findOllamaName } from "./ollama-name.ts";
import { ollamaUses } from "./ollama-uses.ts";
import { modelKey, type OllamaOrigin, type StoredModel } from "./scan-models.ts";
import { type KnownOllama, scanOllama } from "./scan-ollama.ts";

export type OllamaModel = StoredModel & { ollama: OllamaOrigin };

/** Ollama's models on this machine. Nothing is ever written into its folders, no lock and no time. */
export interface OllamaStore {
  /** The last used first; the same array as long as nothing changed. */
  list(): StoredModel[];
  /** By name in any letter case, its own case first. */
  find(ref: OllamaRef): StoredModel | undefined;
  /** Path of the model's GGUF file. Throws `unsupported` where Ollama keeps the model otherwise, `corrupt` when the file is missing or short. */
  modelPath(model: OllamaModel): string;
  /** Paths of its other files of one kind. Throws `corrupt` when one is missing or short. */
  paths(model: OllamaModel, role: "projector" | "adapter"): string[];
  /** Records a use in llmlb's own store and returns the model with it. */
  touch(model: StoredModel, nowMs: number): StoredModel;
}

export interface OllamaStoreOptions {
  roots: readonly string[];
  /** Where last uses are written. */
  usesDir: string;
  clock: Clock;
  log: Log;
}

/** Ollama tells nobody that a model came or went; a request that comes this soon after another is answered from memory. */
const maxAgeMs = 1_000;

export const ollamaStore = ({ roots, usesDir, clock, log }: OllamaStoreOptions): OllamaStore => {
  const known: KnownOllama = { folders: new Map(), manifests: new Map() };
  const uses = ollamaUses(usesDir);
  const reported = new Set<string>();
  const onBroken = (path: string, reason: string) => {
    if (!reported.has(path)) log.warn(`skipping ${path}: ${reason}`);
    reported.add(path); // once is enough: every listing comes by here
  };
  let cached: { models: StoredModel[]; scannedAtMs: number } | undefined;
  const list = (): StoredModel[] => {
    const nowMs = clock.now();
    if (cached && nowMs - cached.scannedAtMs < maxAgeMs) return cached.models;
    const found = roots.length === 0 ? [] : scanOllama(roots, known, uses.read(), onBroken);
    const isSame = cached?.models.length === found.length && found.every((one, index) => one === cached?.models[index]);
    cached = { models: isSame && cached ? cached.models : found, scannedAtMs: nowMs };
    return cached.models;
  };
  return {
    list,
    find: (ref) => findIn(list(), findOllamaName(ref)),
    modelPath,
    paths: (model, role) => model.manifest.files.flatMap((file) => (file.role === role ? [filePath(model, file)] : [])),
    touch(model, nowMs) {
      try {
        uses.write(model.name, nowMs);
      } catch (error) {
        log.debug(`cannot record the use of ${model.name}: ${(error as Error).message}`); // no reason to refuse an answer
      }
      const used = { ...model, lastUsedMs: nowMs };
      if (cached) cached.models = [used, ...cached.models.filter(({ name }) => name !== model.name)];
      return used;
    },
  };
};

const findIn = (models: readonly StoredModel[], name: ModelName | undefined): StoredModel | undefined => {
  if (!name) return undefined;
  const key = modelKey(name);
  const found = models.filter(({ manifest }) => modelKey(manifest.model) === key);
  return found.find(({ manifest: { model } }) => model.name === name.name && model.tag === name.tag) ?? found[0];
};

const modelPath = (model: OllamaModel): string => {
  const { name, manifest, ollama } = model;
  const file = manifest.files.findLast(({ role }) => role === "model"); // Ollama's rule
  if (!file) throw new AppError("unsupported", `cannot load ${name}: ${whyNoFile(manifest.details.format, ollama)}`);
  return filePath(model, file);
};

const filePath = ({ name, ollama }: OllamaModel, { role, digest, sizeBytes }: StoredFile): string => {
  const path = findOllamaBlob(ollama.root, digest);
  const found = path && statSync(path, { throwIfNoEntry: false })?.size;
  if (path !== undefined && found === sizeBytes) return path;
  const what = role === "model" ? "file" : role;
  const state = found === undefined ? "is missing" : `has ${found} of ${sizeBytes} bytes`;
  const command = `ollama pull ${name.slice("ollama:".length)}`;
  throw new AppError("corrupt", `the ${what} of model "${name}" ${state}; use "${command}"`);
};

const whyNoFile = (format: string, { remoteHost }: OllamaOrigin): string => {
  if (remoteHost) return "Ollama runs it on another machine, its weights are not here";
  if (format !== "gguf") return `Ollama keeps it as ${format}, not as GGUF; pull a GGUF of it from Hugging Face`;
  return "its manifest names no model file";
};
