import { parseDuration } from "../core/duration.ts";
import type { Embeddings, EmbedRequest } from "../core/embedding.ts";
import { AppError } from "../core/errors.ts";
import type { GenerationEvent, GenerationRequest } from "../core/generation.ts";
import { type GenerationDefaults, withDefaults } from "../core/generation-defaults.ts";
import { mediaParts } from "../core/media-parts.ts";
import type { PromptPrefix } from "../core/prompt-prefix.ts";
import type { Ranking, RerankRequest } from "../core/reranking.ts";
import type { Lease } from "../engine/types.ts";
import { describeModel } from "../store/describe-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { NodeDeps } from "./deps.ts";
import { modelDefaults } from "./model-defaults.ts";
import { watchAnswer } from "./watch-answer.ts";

export interface ModelUse {
  model: StoredModel;
  signal: AbortSignal;
  /** As requests carry it: seconds or a duration; absent = the configured one. */
  keepAlive?: number | string | undefined;
  /** Absent = the configured one. */
  contextTokens?: number | undefined;
  /** Of the request's body; absent = its prompt is not to be known again. */
  prefix?: PromptPrefix;
}

/** Loads the model unless it is loaded and leaves it loaded for its keep-alive. Resolves to the milliseconds that took. */
export const preload = async (deps: NodeDeps, use: ModelUse): Promise<number> => {
  await using lease = await acquire(deps, use, modelDefaults(deps, use.model));
  return lease.loadMs;
};

/** The events of one answer. `onLoaded` is told, before the first, how many milliseconds the load took. */
export const generate = (
  deps: NodeDeps,
  use: ModelUse,
  request: GenerationRequest,
  onLoaded: (loadMs: number) => void = () => undefined,
): AsyncGenerator<GenerationEvent> =>
  watchAnswer(use.model.name, events(deps, use, request, onLoaded), {
    clock: deps.clock,
    onEnd: deps.metrics.countAnswer,
  });

async function* events(
  deps: NodeDeps,
  use: ModelUse,
  request: GenerationRequest,
  onLoaded: (loadMs: number) => void,
): AsyncGenerator<GenerationEvent> {
  const defaults = modelDefaults(deps, use.model);
  const ready = await prepare(use.model, request);
  await using lease = await acquire(deps, use, defaults);
  onLoaded(lease.loadMs);
  refuseThinking(lease, use.model, ready);
  refuseWhatItCannotSense(lease, use.model, ready);
  const asked = withDefaults(ready, defaults);
  yield* lease.generate(use.prefix ? { ...asked, prefix: use.prefix } : asked, use.signal);
}

/** What can be refused before the model is loaded, is; what the request shows is read. */
const prepare = async ({ name, manifest }: StoredModel, request: GenerationRequest): Promise<GenerationRequest> => {
  const [part] = mediaParts(request.input);
  if (!part) return request;
  if (!manifest.files.some(({ role }) => role === "projector")) throw cannot(name, mediaNames[part.type]);
  const { readMedia } = await import("./read-media.ts"); // most requests show nothing
  return await readMedia(request);
};

const mediaNames = { image: "images", audio: "audio" } as const;

const cannot = (name: string, what: string) => new AppError("invalid_argument", `"${name}" does not support ${what}`);

/** Tokens of the prompt that `request` would be. */
export const countTokens = async (deps: NodeDeps, use: ModelUse, request: GenerationRequest): Promise<number> => {
  const defaults = modelDefaults(deps, use.model);
  const ready = await prepare(use.model, request);
  await using lease = await acquire(deps, use, defaults);
  refuseWhatItCannotSense(lease, use.model, ready);
  return await lease.countTokens(withDefaults(ready, defaults), use.signal);
};

/** The embeddings of a request's inputs, and how many milliseconds the load took. */
export const embed = async (
  deps: NodeDeps,
  use: ModelUse,
  request: EmbedRequest,
): Promise<Embeddings & { loadMs: number }> => {
  await using lease = await acquire(deps, use, modelDefaults(deps, use.model));
  return { ...(await lease.embed(request, use.signal)), loadMs: lease.loadMs };
};

/** The documents' scores. Throws `invalid_argument` for a model that is not made for that. */
export const rerank = async (deps: NodeDeps, use: ModelUse, request: RerankRequest): Promise<Ranking> => {
  const { ollama, manifest, name } = use.model;
  // Of Ollama's models nothing is read before somebody asks.
  const { capabilities } = ollama ? await describeModel(deps.store, use.model) : manifest.details;
  if (!capabilities.includes("rerank"))
    throw new AppError("invalid_argument", `"${name}" does not support reranking: it has no classifier head`);
  await using lease = await acquire(deps, use, modelDefaults(deps, use.model));
  return await lease.rerank(request, use.signal);
};

const acquire = async (
  { engine, store, clock, config }: NodeDeps,
  use: ModelUse,
  defaults: GenerationDefaults,
): Promise<Lease> => {
  const { model, signal, contextTokens } = use;
  const keepAliveMs = toKeepAliveMs(use.keepAlive, config.keepAliveMs);
  const modelPath = store.modelPath(model);
  store.touch(model, clock.now());
  const defaultContextTokens = defaults.contextTokens ?? config.contextTokens;
  const options = { signal, keepAliveMs, contextTokens, defaultContextTokens };
  const { id, name, manifest } = model;
  const files = {
    modelPath,
    templatePath: store.templatePath(model),
    projectorPath: store.projectorPath(model),
    adapterPaths: store.adapterPaths(model),
  };
  return await engine.acquire({ id, name, ...files, shape: manifest.details.shape }, options);
};

/** Negative means for ever, as with Ollama. */
const toKeepAliveMs = (keepAlive: number | string | undefined, fallbackMs: number): number => {
  if (keepAlive === undefined || keepAlive === null || keepAlive === "") return fallbackMs;
  const ms = parseDuration(keepAlive);
  return ms < 0 ? Number.POSITIVE_INFINITY : ms;
};

const refuseThinking = ({ model }: Lease, { name }: StoredModel, { input }: GenerationRequest): void => {
  if (input.kind === "chat" && input.thinking && !model.capabilities.thinking) throw cannot(name, "thinking");
};

const refuseWhatItCannotSense = ({ model }: Lease, { name }: StoredModel, { input }: GenerationRequest): void => {
  const { vision, audio } = model.capabilities;
  const senses = { image: vision, audio };
  const unseen = mediaParts(input).find(({ type }) => !senses[type]);
  if (unseen) throw cannot(name, mediaNames[unseen.type]);
};
