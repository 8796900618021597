import type { NodeKind } from "../../api/router.ts";

/** Whose stream format an endpoint has, for the error that ends one in its middle. */
export type StreamDialect = "openAi" | "responses" | "anthropic" | "ollama";

/** An endpoint that asks something of a model. */
export interface Endpoint {
  readonly path: string;
  /** Other names of it. */
  readonly aliases?: readonly string[];
  readonly dialect: StreamDialect;
  /** Does it stream where the body says nothing? */
  readonly streams: boolean;
  /** The kinds that serve it as it is; every other kind needs a translation. */
  readonly native: ReadonlySet<NodeKind>;
  /** Can it be told in OpenAI's words, which every kind understands? */
  readonly translated: boolean;
}

const kinds: readonly NodeKind[] = ["llmlb", "ollama", "vllm", "llama-server", "lm-studio", "openai"];
const every = new Set(kinds);
const only = (...some: NodeKind[]): ReadonlySet<NodeKind> => new Set(["llmlb", ...some] as const);

/**
 * What the kinds speak by themselves. vLLM, Ollama and LM Studio have newer endpoints in some releases (`/v1/messages`, `/v1/responses`), which
 * are not relied on: translated, they work with every release.
 */
export const endpoints: readonly Endpoint[] = [
  openAi("/v1/chat/completions", every),
  openAi("/v1/completions", every),
  openAi("/v1/embeddings", every),
  { ...openAi("/v1/rerank", only("vllm", "llama-server")), aliases: ["/v1/reranking", "/rerank", "/reranking"] },
  { ...openAi("/v1/responses", only("llama-server")), dialect: "responses", translated: true },
  { ...openAi("/v1/messages", only("llama-server")), dialect: "anthropic", translated: true },
  { ...openAi("/v1/messages/count_tokens", only("llama-server")), dialect: "anthropic" },
  { path: "/api/chat", dialect: "ollama", streams: true, native: only("ollama"), translated: true },
  { path: "/api/generate", dialect: "ollama", streams: true, native: only("ollama"), translated: true },
  { path: "/api/embed", dialect: "ollama", streams: false, native: only("ollama"), translated: true },
  { path: "/api/embeddings", dialect: "ollama", streams: false, native: only("ollama"), translated: true },
];

function openAi(path: string, native: ReadonlySet<NodeKind>): Endpoint {
  return { path, dialect: "openAi", streams: false, native, translated: false };
}

/** How a node of this kind serves the endpoint: as it is, in other words, or not at all. */
export const wayOf = ({ native, translated }: Endpoint, kind: NodeKind): "native" | "translated" | undefined => {
  if (native.has(kind)) return "native";
  return translated ? "translated" : undefined;
};

export const everyKindServes = (endpoint: Endpoint): boolean =>
  endpoint.translated || endpoint.native.size === every.size;
