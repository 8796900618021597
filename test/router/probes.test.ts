import { expect, test } from "bun:test";
import type { NodeKind } from "../../src/api/router.ts";
import { systemClock } from "../../src/core/clock.ts";
import { askNode } from "../../src/router/cluster/ask-node.ts";
import { detectKind } from "../../src/router/cluster/detect-kind.ts";
import { probes } from "../../src/router/cluster/probes.ts";
import type { NodeReading } from "../../src/router/types.ts";
import { startFakeNode } from "../fakes/fake-node.ts";
import { startInferenceServer } from "../fakes/inference-servers.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const ask = (url: string, key?: string) => askNode(url, key, { clock: systemClock, lookup: async () => [] });

const readings: Record<NodeKind, NodeReading> = {
  llmlb: {
    version: "0.1.0",
    availableBytes: 32e9,
    models: [
      {
        name: "org/one",
        aliases: ["one"],
        quantization: "Q4_K_M",
        loaded: true,
        sizeBytes: 5e9,
        contextTokens: 4096,
        slots: 4,
        busySlots: 2,
        queued: 1,
        promptTokensPerSecond: 900,
      },
      { name: "org/two", loaded: false, sizeBytes: 7e9 },
    ],
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
  },
  ollama: {
    version: "0.12.6",
    models: [
      { name: "llama3.2:latest", loaded: false, sizeBytes: 2e9 },
      { name: "qwen3:8b", loaded: true, sizeBytes: 5e9, contextTokens: 8192 },
    ],
  },
  "lm-studio": {
    models: [
      { name: "qwen/qwen3-4b", loaded: true, sizeBytes: 2.5e9, contextTokens: 4096 },
      { name: "nomic-embed", loaded: false, sizeBytes: 8e7 },
    ],
  },
  vllm: { version: "0.11.0", models: [{ name: "meta-llama/Llama-3.1-8B", loaded: true, contextTokens: 32768 }] },
  "llama-server": {
    version: "b6900",
    models: [{ name: "model.gguf", loaded: true, sizeBytes: 1.5e9, contextTokens: 8192, slots: 4 }],
  },
  openai: { models: [{ name: "mixtral", loaded: true }] },
};

test.each(Object.keys(readings) as NodeKind[])("%s is found out and read", async (kind) => {
  await using server = startInferenceServer(kind);
  expect(await detectKind(ask(server.baseUrl))).toBe(kind);
  expect(await probes[kind](ask(server.baseUrl))).toEqual(readings[kind]);
});

test("an older LM Studio is read by its older API", async () => {
  await using server = startInferenceServer("lm-studio");
  server.on("GET /api/v1/models", () => Response.json({ error: "Unexpected endpoint or method" }));
  server.on("GET /api/v0/models", () =>
    Response.json({
      data: [
        { id: "a", state: "loaded", loaded_context_length: 2048 },
        { id: "b", state: "not-loaded" },
      ],
    }),
  );
  expect(await detectKind(ask(server.baseUrl))).toBe("lm-studio");
  expect((await probes["lm-studio"](ask(server.baseUrl))).models).toEqual([
    { name: "a", loaded: true, contextTokens: 2048 },
    { name: "b", loaded: false },
  ]);
});

test("llama-server: many models in its router mode, and none while it loads", async () => {
  await using server = startInferenceServer("llama-server");
  const data = ["loaded", "unloaded"].map((value) => ({ id: value, owned_by: "llamacpp", status: { value } }));
  server.on("GET /v1/models", () => Response.json({ data }));
  const { models } = await probes["llama-server"](ask(server.baseUrl));
  expect(models.map(({ name, loaded, slots }) => [name, loaded, slots])).toEqual([
    ["loaded", true, 4],
    ["unloaded", false, undefined],
  ]);
  server.on("GET /v1/models", () => Response.json({ error: { message: "Loading model" } }, { status: 503 }));
  expect(await probes["llama-server"](ask(server.baseUrl))).toEqual({ models: [], trouble: "it is loading its model" });
});

test("the key is sent, and a server that wants one says so", async () => {
  await using server = startInferenceServer("vllm");
  server.on("GET /v1/models", () => Response.json({ data: 1 }));
  const keys: unknown[] = [];
  const guarded = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      keys.push(request.headers.get("authorization"));
      return Response.json({ error: "no" }, { status: 401 });
    },
  });
  const url = `http://127.0.0.1:${guarded.port}`;
  await expect(detectKind(ask(url, "secret"))).rejects.toThrow("it wants a key; --key-file gives one");
  await expect(probes.openai(ask(url))).rejects.toThrow("it wants another key (it answered 401)");
  expect([new Set(keys.slice(0, -1)), keys.at(-1)]).toEqual([new Set(["Bearer secret"]), null]);
  await guarded.stop(true);
  await expect(detectKind(ask(server.baseUrl))).rejects.toThrow("it is no server that llmlb knows");
});

test("what a server sends is bounded and of the right shape, or left out", async () => {
  await using server = startFakeNode({
    "GET /v1/models": () =>
      Response.json({ data: [{ id: "x".repeat(600) }, { id: 7 }, null, { id: "ok", max_model_len: "many" }] }),
  });
  expect(await probes.openai(ask(server.baseUrl))).toEqual({ models: [{ name: "ok", loaded: true }] });
  server.on("GET /v1/models", () => new Response("x".repeat(17 * 2 ** 20)));
  await expect(probes.openai(ask(server.baseUrl))).rejects.toThrow("it sent more than 16777216 bytes");
});

test("a redirect is not followed", async () => {
  await using other = startInferenceServer("openai");
  await using server = startFakeNode({
    "GET /v1/models": () => Response.redirect(`${other.baseUrl}/v1/models`, 302),
  });
  await expect(probes.openai(ask(server.baseUrl))).rejects.toThrow("it answered 302");
  expect(other.requests).toEqual([]);
});

test("a server that is silent, or not there, is told in a line", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = startFakeNode({
    "GET /v1/models": () => {
      asked.resolve();
      return new Promise<Response>(() => undefined);
    },
  });
  const clock = manualClock();
  const answer = askNode(server.baseUrl, undefined, { clock, lookup: async () => [] })("/v1/models");
  await asked.promise;
  await clock.advance(5_000);
  await expect(answer).rejects.toThrow("it does not answer");
  await expect(ask("http://127.0.0.1:1")("/")).rejects.toThrow("it refuses connections");
});
