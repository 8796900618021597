import type {
  OllamaChatResponse,
  OllamaListedModel,
  OllamaModelDetails,
  OllamaShowResponse,
} from "../../src/api/ollama.ts";

export interface FakeRequest {
  method: string;
  path: string;
  body: unknown;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

export type FakeRoute = (request: FakeRequest) => Response | Promise<Response>;

/** A node made of scripted routes, on a port of its own. */
export interface FakeNode extends AsyncDisposable {
  baseUrl: string;
  /** `host:port`, as LLMLB_HOST takes it and messages show it. */
  host: string;
  /** All requests so far, in order. */
  requests: FakeRequest[];
  /** `route` is a method and a path, such as `POST /api/chat`. The last script for a route wins. */
  on(route: string, answer: FakeRoute): void;
  bodies(path: string): unknown[];
}

export const startFakeNode = (routes: Record<string, FakeRoute> = {}): FakeNode => {
  const table = new Map(Object.entries(routes));
  const requests: FakeRequest[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      const text = await request.text();
      const seen = { method: request.method, path, body: text ? JSON.parse(text) : undefined, signal: request.signal };
      requests.push(seen);
      const answer = table.get(`${request.method} ${path}`);
      return answer
        ? await answer(seen)
        : Response.json({ error: `no script for ${request.method} ${path}` }, { status: 500 });
    },
  });
  return {
    baseUrl: `http://127.0.0.1:${server.port}`,
    host: `127.0.0.1:${server.port}`,
    requests,
    on: (route, answer) => void table.set(route, answer),
    bodies: (path) => requests.filter((request) => request.path === path).map(({ body }) => body),
    [Symbol.asyncDispose]: async () => await server.stop(true),
  };
};

/** An NDJSON answer, one record after another; a promise among them holds the rest back. A string is sent as it is. */
export const ndjson = (records: Iterable<unknown> | AsyncIterable<unknown>): Response => {
  async function* lines() {
    for await (const record of records) yield typeof record === "string" ? record : `${JSON.stringify(record)}\n`;
  }
  return new Response(lines, { headers: { "content-type": "application/x-ndjson" } });
};

export const notFound = (model: string): Response =>
  Response.json({ error: `model "${model}" not found` }, { status: 404 });

const at = "2026-08-21T10:00:00.000Z";

/** The records of an answer that comes in `pieces`; those of thinking come first. */
export const chatRecords = (pieces: readonly string[], thinking: readonly string[] = []): OllamaChatResponse[] => {
  const record = (message: { content: string; thinking?: string }): OllamaChatResponse => ({
    model: "m",
    created_at: at,
    message: { role: "assistant", ...message },
    done: false,
  });
  return [
    ...thinking.map((piece) => record({ content: "", thinking: piece })),
    ...pieces.map((content) => record({ content })),
    {
      ...record({ content: "" }),
      done: true,
      done_reason: "stop",
      total_duration: 1_234_567_891,
      load_duration: 12_500_000,
      prompt_eval_count: 26,
      prompt_eval_duration: 130_000_000,
      eval_count: 10,
      eval_duration: 200_000_000,
    },
  ];
};

export const loadedRecord = { model: "m", created_at: at, response: "", done: true, done_reason: "load" };

const details: OllamaModelDetails = {
  parent_model: "",
  format: "gguf",
  family: "llama",
  families: ["llama"],
  parameter_size: "3.2B",
  quantization_level: "Q4_K_M",
};

export const listedModel = (changes: Partial<OllamaListedModel> = {}): OllamaListedModel => ({
  name: "meta-llama/Llama-3.2-3B-Instruct",
  model: "meta-llama/Llama-3.2-3B-Instruct",
  modified_at: new Date(Date.now() - 2 * 3_600_000).toISOString(),
  size: 2_019_393_189,
  digest: "1f2e3d4c5b6a".padEnd(64, "0"),
  details,
  ...changes,
});

export const shownModel = (changes: Partial<OllamaShowResponse> = {}): OllamaShowResponse => ({
  license: "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n\nVersion Release Date: September 25, 2024\nMore of it\n",
  modelfile: "FROM meta-llama/Llama-3.2-3B-Instruct\n",
  parameters: 'stop                           "<|eot_id|>"\ntemperature                    0.7',
  template: "{{ .Prompt }}",
  details,
  model_info: {
    "general.architecture": "llama",
    "general.parameter_count": 3_212_749_888,
    "llama.context_length": 131_072,
    "llama.embedding_length": 3072,
  },
  capabilities: ["completion", "tools"],
  modified_at: at,
  size: 2_019_393_189,
  ...changes,
});
