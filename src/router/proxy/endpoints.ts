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
  /** The kinds that can be asked in other words: mostly OpenAI's, which every kind understands. */
  readonly translated: ReadonlySet<NodeKind>;
  /** What only some of these kinds can do, of requests that ask for it. */
  readonly special?: Special;
}

export interface Special {
  readonly what: string;
  asked(json: Readonly<Record<string, unknown>>): boolean;
  readonly kinds: ReadonlySet<NodeKind>;
}

const kinds: readonly NodeKind[] = ["llmlb", "ollama", "vllm", "llama-server", "lm-studio", "openai"];
const every = new Set(kinds);
export const kindCount = kinds.length;
const only = (...some: NodeKind[]): ReadonlySet<NodeKind> => new Set(["llmlb", ...some] as const);
const none: ReadonlySet<NodeKind> = new Set();

/** Others answer as if each request were the first. */
const goingOn: Special = {
  what: "previous_response_id",
  asked: ({ previous_response_id: previous }) => typeof previous === "string" && previous !== "",
  kinds: only(),
};

/** Tokens, which the other APIs do not take. */
const context: Special = {
  what: "context",
  asked: ({ context: tokens }) => Array.isArray(tokens) && tokens.length > 0,
  kinds: only("ollama"),
};

/**
 * What the kinds speak by themselves. vLLM, Ollama and LM Studio have newer endpoints in some releases (`/v1/messages`, `/v1/responses`), which
 * are not relied on: translated, they work with every release.
 */
export const endpoints: readonly Endpoint[] = [
  openAi("/v1/chat/completions", every),
  openAi("/v1/completions", every),
  openAi("/v1/embeddings", every),
  { ...openAi("/v1/rerank", only("vllm", "llama-server")), aliases: ["/v1/reranking", "/rerank", "/reranking"] },
  { ...openAi("/v1/responses", only("llama-server")), dialect: "responses", translated: every, special: goingOn },
  { ...openAi("/v1/messages", only("llama-server")), dialect: "anthropic", translated: every },
  {
    ...openAi("/v1/messages/count_tokens", only("llama-server")),
    dialect: "anthropic",
    translated: new Set(["vllm"]), // by its /tokenize
  },
  ollama("/api/chat"),
  { ...ollama("/api/generate"), special: context },
  { ...ollama("/api/embed"), streams: false },
  { ...ollama("/api/embeddings"), streams: false },
];

function openAi(path: string, native: ReadonlySet<NodeKind>): Endpoint {
  return { path, dialect: "openAi", streams: false, native, translated: none };
}

function ollama(path: string): Endpoint {
  return { path, dialect: "ollama", streams: true, native: only("ollama"), translated: every };
}

/** How a node of this kind serves the endpoint: as it is, in other words, or not at all. */
export const wayOf = ({ native, translated }: Endpoint, kind: NodeKind): "native" | "translated" | undefined => {
  if (native.has(kind)) return "native";
  return translated.has(kind) ? "translated" : undefined;
};

/** Who can do what a request asks for, and what that is. */
export interface Service {
  readonly what: string;
  readonly kinds: readonly NodeKind[];
}

export const serviceFor = (endpoint: Endpoint, json: Readonly<Record<string, unknown>>): Service => {
  const { path, special } = endpoint;
  const able = kinds.filter((kind) => wayOf(endpoint, kind) !== undefined);
  return special?.asked(json)
    ? { what: special.what, kinds: able.filter((kind) => special.kinds.has(kind)) }
    : { what: path, kinds: able };
};
