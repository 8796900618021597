import type { FinishedRequest } from "../../src/router/activity.ts";
import type { NodeState } from "../../src/router/types.ts";
import { gpu, model, node } from "../fakes/dashboard-world.ts";

const [llama, qwen, gemma, embed] = [
  "bartowski/Llama-3.2-3B-Instruct-GGUF",
  "Qwen/Qwen3-8B-GGUF",
  "google/gemma-3-12b-it-GGUF",
  "nomic-ai/nomic-embed-text-v1.5-GGUF",
] as const;

/** A cluster such as one finds in an office: two big machines, an Ollama, a vLLM that fails, a machine that is off. */
export const sampleNodes: readonly NodeState[] = [
  node("f4hn8c", {
    url: "http://192.168.1.10:32769",
    name: "atelier",
    reading: {
      version: "0.1.0",
      availableBytes: 41e9,
      devices: [
        gpu({ free_bytes: 5.2e9, utilization: 0.86, temperature_celsius: 71 }),
        gpu({ name: "CUDA1", free_bytes: 13.9e9, utilization: 0.34, temperature_celsius: 58 }),
      ],
      models: [
        model(qwen, { slots: 4, busySlots: 3, queued: 1 }),
        model(gemma, { slots: 2, busySlots: 1 }),
        model(llama, { loaded: false }),
        model(embed, { loaded: false }),
      ],
    },
  }),
  node("k7m2xq", {
    url: "http://192.168.1.20:11434",
    kind: "ollama",
    joined: false,
    reading: { version: "0.13.0", models: [model("llama3.2:3b"), model("qwen3:8b", { loaded: false })] },
  }),
  node("p3w9ae", {
    url: "https://vllm.example:8000",
    kind: "vllm",
    joined: false,
    status: "degraded",
    reason: "2 of the last 5 requests failed: HTTP 500",
    reading: { version: "0.11.0", models: [model("meta-llama/Llama-3.1-70B-Instruct")] },
  }),
  node("t8c5rd", {
    url: "http://192.168.1.12:32769",
    name: "mac-studio",
    status: "draining",
    draining: true,
    reading: {
      version: "0.1.0",
      availableBytes: 60e9,
      devices: [
        gpu({
          name: "MTL0",
          description: "Apple M2 Ultra",
          kind: "igpu",
          total_bytes: 154e9,
          free_bytes: 96e9,
          utilization: 0.12,
          temperature_celsius: 44,
        }),
      ],
      models: [model(llama, { slots: 4, busySlots: 1 }), model(gemma, { loaded: false })],
    },
  }),
  node("z2d6vn", {
    url: "http://192.168.1.31:32769",
    name: "old-workstation",
    status: "offline",
    reason: "connection refused",
    lastSeenMs: Date.now() - 3 * 3_600_000,
    reading: { models: [model(llama, { loaded: false })] },
  }),
];

/** The same at every run: pictures and tests must not change by themselves. */
const random = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

const places = [
  { model: qwen, node: "f4hn8c", reason: "prefix" },
  { model: gemma, node: "f4hn8c", reason: "least-loaded" },
  { model: "llama3.2:3b", node: "k7m2xq", reason: "only" },
  { model: "meta-llama/Llama-3.1-70B-Instruct", node: "p3w9ae", reason: "only" },
  { model: llama, node: "t8c5rd", reason: "session" },
] as const;

/** Six minutes of requests that come in waves. */
export const sampleRequests = (): (FinishedRequest & { afterMs: number })[] => {
  const next = random(7);
  return Array.from({ length: 900 }, (_, index) => {
    const place = places[Math.floor(next() ** 1.6 * places.length)] ?? places[0];
    const fails = place.node === "p3w9ae" && next() < 0.3;
    const firstByteMs = 90 + 900 * next() ** 4 + (place.node === "p3w9ae" ? 400 : 0);
    const tokens = Math.round(20 + 300 * next());
    return {
      ...place,
      afterMs: (400 + 260 * Math.sin(index / 60)) * (0.3 + 1.4 * next()),
      route: next() < 0.7 ? "/v1/chat/completions" : "/api/chat",
      status: fails ? 502 : 200,
      fault: fails ? "connection" : undefined,
      queueMs: next() < 0.1 ? 240 * next() : 0,
      retries: next() < 0.03 ? 1 : 0,
      durationMs: fails ? 40 : firstByteMs + tokens * (9 + 12 * next()),
      ...(!fails && { firstByteMs, tokens }),
    };
  });
};
