import { startFakeNode } from "./fake-node.ts";

const json =
  (body: unknown, headers: Record<string, string> = {}) =>
  () =>
    Response.json(body, { headers });

/** What servers of each kind answer to a router that asks what they have; taken down from their own documentation. */
export const inferenceServers = {
  llmlb: {
    "GET /api/node": json({
      version: "0.1.0",
      started_at: "2026-01-01T00:00:00Z",
      memory: { total_bytes: 64e9, available_bytes: 32e9 },
      backend: "cuda",
      refused_backends: [],
      devices: [
        {
          name: "CUDA0",
          description: "NVIDIA GeForce RTX 4090",
          kind: "gpu",
          total_bytes: 24e9,
          free_bytes: 6e9,
          temperature_celsius: 61,
          used: true,
        },
        { name: "CPU", description: "CPU", kind: "cpu", total_bytes: 64e9, free_bytes: 32e9, used: false },
      ],
      models: [
        {
          name: "org/one",
          context_length: 4096,
          slots: 4,
          busy_slots: 2,
          queued: 1,
          prompt_tokens_per_second: 900,
        },
      ],
      max_loaded_models: 3,
      max_queue: 512,
    }),
    "GET /api/tags": json({
      models: [
        { name: "org/one", size: 5e9, aliases: ["one"], details: { quantization_level: "Q4_K_M" } },
        { name: "org/two", size: 7e9, details: {} },
      ],
    }),
    "GET /api/version": json({ version: "0.32.15" }),
    "GET /api/ps": json({ models: [] }),
  },
  ollama: {
    "GET /api/version": json({ version: "0.12.6" }),
    "GET /api/tags": json({
      models: [
        { name: "llama3.2:latest", size: 2e9 },
        { name: "qwen3:8b", size: 5e9 },
      ],
    }),
    "GET /api/ps": json({ models: [{ name: "qwen3:8b", size: 6e9, size_vram: 6e9, context_length: 8192 }] }),
    "GET /v1/models": json({ object: "list", data: [{ id: "llama3.2:latest", owned_by: "library" }] }),
  },
  "lm-studio": {
    "GET /api/v1/models": json({
      models: [
        {
          type: "llm",
          key: "qwen/qwen3-4b",
          size_bytes: 2.5e9,
          loaded_instances: [{ id: "qwen/qwen3-4b", config: { context_length: 4096 } }],
        },
        { type: "embedding", key: "nomic-embed", size_bytes: 8e7, loaded_instances: [] },
      ],
    }),
    "GET /v1/models": json({ object: "list", data: [{ id: "qwen/qwen3-4b", owned_by: "organization_owner" }] }),
  },
  vllm: {
    "GET /version": json({ version: "0.11.0" }),
    "GET /v1/models": json(
      { object: "list", data: [{ id: "meta-llama/Llama-3.1-8B", owned_by: "vllm", max_model_len: 32768 }] },
      { server: "uvicorn" },
    ),
  },
  "llama-server": {
    "GET /props": json({ total_slots: 4, build_info: "b6900", default_generation_settings: { n_ctx: 8192 } }),
    "GET /api/tags": json({ models: [{ name: "model.gguf" }] }),
    "GET /v1/models": json(
      { object: "list", data: [{ id: "model.gguf", owned_by: "llamacpp", meta: { size: 1.5e9, n_ctx_train: 32768 } }] },
      { server: "llama.cpp" },
    ),
  },
  openai: { "GET /v1/models": json({ object: "list", data: [{ id: "mixtral", owned_by: "me" }] }) },
} as const;

/** LM Studio answers 200 to a path that it does not have; the others 404. */
export const startInferenceServer = (kind: keyof typeof inferenceServers) => {
  const unknown = () =>
    kind === "lm-studio"
      ? Response.json({ error: "Unexpected endpoint or method" })
      : Response.json({ detail: "Not Found" }, { status: 404 });
  const paths = ["/api/node", "/api/version", "/api/tags", "/api/ps", "/api/v1/models", "/api/v0/models"];
  const missing = [...paths, "/version", "/props", "/v1/models"].map((path) => [`GET ${path}`, unknown]);
  return startFakeNode({ ...Object.fromEntries(missing), ...inferenceServers[kind] });
};
