import type { NodeKind } from "../../api/router.ts";
import { checkShape } from "../../core/check-shape.ts";
import { AppError } from "../../core/errors.ts";
import type { GenerationRequest } from "../../core/generation.ts";
import { toOpenAiChatBody, toOpenAiCompletionBody, type UpstreamWords } from "../../dialect/openai-upstream.ts";
import type { InferenceRequest } from "./inference-request.ts";
import { type Translation, translations } from "./translations.ts";

export interface UpstreamBodyText {
  path: string;
  body: Uint8Array;
}

export interface NodeWords {
  /** As the node calls it. */
  model: string;
  kind: NodeKind;
}

const encoder = new TextEncoder();

/** The request in OpenAI's words. Throws `invalid_argument` for what is no request of its dialect, `unsupported` for what has no such words. */
export const toUpstream = (asked: InferenceRequest, { model, kind }: NodeWords): UpstreamBodyText => {
  const translation = translations[asked.endpoint.path];
  if (!translation) throw new AppError("unsupported", `${asked.endpoint.path} cannot be translated`);
  const words: UpstreamWords = {
    model,
    strict: kind === "openai",
    templateSettings: kind === "vllm" || kind === "llama-server",
  };
  const { path, body } = checkShape(() => bodyOf(translation, asked, words));
  return { path, body: encoder.encode(JSON.stringify(body)) };
};

const bodyOf = (translation: Translation, asked: InferenceRequest, words: UpstreamWords) => {
  if (translation.kind === "embeddings")
    return { path: "/v1/embeddings", body: translation.request(asked, words.model) };
  const request = translation.request(asked);
  return translation.kind === "count" ? countBody(request, words) : generationBody(request, words);
};

/** https://docs.vllm.ai/en/latest/serving/openai_compatible_server: its TokenizeChatRequest and TokenizeCompletionRequest. */
const countBody = (request: GenerationRequest, words: UpstreamWords): { path: string; body: object } => {
  const { model, messages, prompt, tools, chat_template_kwargs } = generationBody(request, words).body as TokenizedBody;
  return { path: "/tokenize", body: { model, messages, prompt, tools, chat_template_kwargs } };
};

type TokenizedBody = Partial<Record<"model" | "messages" | "prompt" | "tools" | "chat_template_kwargs", unknown>>;

const generationBody = (request: GenerationRequest, words: UpstreamWords): { path: string; body: object } => {
  const { input } = request;
  return input.kind === "chat"
    ? { path: "/v1/chat/completions", body: toOpenAiChatBody(request, input, words) }
    : { path: "/v1/completions", body: toOpenAiCompletionBody(request, input, words) };
};
