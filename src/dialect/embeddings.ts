import type {
  OllamaEmbeddingsRequest,
  OllamaEmbeddingsResponse,
  OllamaEmbedRequest,
  OllamaEmbedResponse,
} from "../api/ollama.ts";
import type { OpenAiEmbeddingsRequest, OpenAiEmbeddingsResponse } from "../api/openai.ts";
import type { Embeddings, EmbedInput, EmbedRequest } from "../core/embedding.ts";
import { AppError } from "../core/errors.ts";

const inputsMax = 2048; // OpenAI's

/** Translates `/api/embed`; without an input it only loads the model. */
export const fromOllamaEmbed = ({ input, truncate = true }: OllamaEmbedRequest): EmbedRequest => ({
  inputs: checked(input === undefined || input === "" ? [] : [input].flat()),
  truncate,
});

/** Ollama's vectors have length 1. */
export const toOllamaEmbed = (
  { vectors, promptTokens, loadMs }: Embeddings & { loadMs: number },
  { model, dimensions }: OllamaEmbedRequest,
  totalMs: number,
): OllamaEmbedResponse => ({
  model,
  embeddings: vectors.map((vector) => [...shorten(vector, dimensions)]),
  total_duration: Math.round(totalMs * 1e6),
  load_duration: Math.round(loadMs * 1e6),
  prompt_eval_count: promptTokens,
});

/** Translates Ollama's older `/api/embeddings`. */
export const fromOllamaEmbeddings = ({ prompt = "" }: OllamaEmbeddingsRequest): EmbedRequest => ({
  inputs: prompt === "" ? [] : [prompt],
  truncate: true,
});

/** The vector as the model made it: this endpoint never normalized. */
export const toOllamaEmbeddings = ({ vectors }: Embeddings): OllamaEmbeddingsResponse => ({
  embedding: [...(vectors[0] ?? [])],
});

/** Translates `/v1/embeddings`: a text, a list of texts, the tokens of a text, or a list of those. */
export const fromOpenAiEmbeddings = ({ input }: OpenAiEmbeddingsRequest): EmbedRequest => {
  if (typeof input === "string") return { inputs: [input] };
  if (input.length === 0) throw new AppError("invalid_argument", "input is empty");
  const inputs = input.every((one) => typeof one === "number") ? [input as number[]] : (input as EmbedInput[]);
  return { inputs: checked(inputs) };
};

/** OpenAI's vectors have length 1. */
export const toOpenAiEmbeddings = (
  { vectors, promptTokens }: Embeddings,
  { model, dimensions, encoding_format: format }: OpenAiEmbeddingsRequest,
): OpenAiEmbeddingsResponse => ({
  object: "list",
  model,
  data: vectors.map((vector, index) => {
    const short = shorten(vector, dimensions ?? undefined);
    return { object: "embedding", index, embedding: format === "base64" ? toBase64(short) : [...short] };
  }),
  usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
});

const checked = (inputs: EmbedInput[]): EmbedInput[] => {
  if (inputs.length <= inputsMax) return inputs;
  throw new AppError("invalid_argument", `too many inputs: ${inputs.length}, at most ${inputsMax}`);
};

/** The first `dimensions` numbers (models trained for it keep most of the meaning there), scaled to length 1. */
const shorten = (vector: Float32Array, dimensions: number | undefined): Float32Array => {
  const short = dimensions === undefined ? vector : vector.subarray(0, dimensions);
  const length = Math.hypot(...short);
  return length === 0 ? short : short.map((value) => value / length);
};

/** Little-endian 32-bit floats, as every machine that llmlb runs on has them in memory. */
const toBase64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
