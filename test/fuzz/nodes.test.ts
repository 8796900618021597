import { expect, test } from "bun:test";
import { silentLog } from "../../src/core/log.ts";
import type { Answer } from "../../src/router/cluster/ask-node.ts";
import type { ManagedCluster } from "../../src/router/cluster/create-cluster.ts";
import { detectKind } from "../../src/router/cluster/detect-kind.ts";
import { indexModels } from "../../src/router/cluster/index-models.ts";
import { probes } from "../../src/router/cluster/probes.ts";
import { createReportSockets } from "../../src/router/join/report-sockets.ts";
import type { NodeReading, NodeState } from "../../src/router/types.ts";
import { modelViews, nodeView, statusView } from "../../src/router/views.ts";
import { allowed, anyJson, changedBytes, changedJson, fc, fuzzTimeoutMs, holds } from "./fuzz.ts";

const report = {
  ...{ version: "1", memory: { available_bytes: 5 }, max_queue: 1 },
  devices: [
    {
      name: "CUDA0",
      description: "RTX",
      kind: "gpu",
      total_bytes: 2,
      free_bytes: 1,
      used: true,
      temperature_celsius: 50,
    },
  ],
  models: [{ name: "org/name", slots: 2, busy_slots: 1, queued: 0, context_length: 4096, prompt_tokens_per_second: 9 }],
};
const stored = [{ name: "org/name", aliases: ["short"], size: 5, details: { quantization_level: "Q4_K_M" } }];

/** All that is told of a node to others, whatever it said of itself. */
const show = (reading: NodeReading): void => {
  const state: NodeState = {
    ...{ id: "n", url: "http://n:1", kind: "llmlb", status: "online", joined: true, draining: false, addedAtMs: 0 },
    ...{ reading, modelsByName: indexModels(reading.models) },
  };
  for (const view of [
    nodeView(state, 0),
    modelViews([state]),
    statusView([state], { version: "1", requestsLastHour: 0 }),
  ])
    JSON.stringify(view);
};

const frames = fc.array(
  fc.oneof(
    fc
      .oneof(changedJson({ key: "k".repeat(20), report, stored }), changedJson({ report }), anyJson)
      .map((value) => JSON.stringify(value) ?? ""),
    changedBytes(Buffer.from(JSON.stringify({ report, stored }))).map((bytes) => Buffer.from(bytes).toString()),
  ),
  { minLength: 1, maxLength: 4 },
);

test(
  "whatever a node reports over its WebSocket, it is answered, or the socket is closed",
  () =>
    holds(frames, async (texts) => {
      const readings: NodeReading[] = [];
      const keys: (string | undefined)[] = [];
      const sink = { report: async (reading: NodeReading) => readings.push(reading) > 0, ended: () => undefined };
      const cluster = {
        openReports: async (_id: string, key: string | undefined) => {
          keys.push(key);
          return sink;
        },
        leave: async () => undefined,
      } as unknown as ManagedCluster;
      const answers: string[] = [];
      const peer = createReportSockets(cluster, silentLog).peer("n");
      peer.opened({ send: (text) => void answers.push(text), close: () => void answers.push("closed") });
      for (const text of texts) peer.message(text);
      while (answers.length < texts.length) await new Promise((resolve) => setImmediate(resolve));
      for (const key of keys) if (key !== undefined) new Headers({ authorization: `Bearer ${key}` });
      for (const reading of readings) show(reading);
    }),
  fuzzTimeoutMs,
);

const told: Readonly<Record<string, unknown>> = {
  "/api/node": report,
  "/api/tags": { models: stored },
  "/api/ps": { models: stored },
  "/api/version": { version: "0.5" },
  "/api/v1/models": { models: [{ key: "a", loaded_instances: [{ id: "a", config: { context_length: 5 } }] }] },
  "/api/v0/models": { data: [{ id: "a", state: "loaded", loaded_context_length: 5 }] },
  "/v1/models": { data: [{ id: "a", owned_by: "vllm", max_model_len: 5, meta: { n_ctx_train: 5 } }] },
  "/props": { default_generation_settings: { n_ctx: 5 }, total_slots: 2 },
  "/slots": [{ is_processing: true }],
};

const answers = fc.record(
  Object.fromEntries(
    Object.entries(told).map(([path, body]) => [path, fc.oneof(fc.constant(body), changedJson(body), anyJson)]),
  ),
);

test(
  "a server of any kind may answer its questions with anything",
  () =>
    holds(fc.tuple(answers, fc.constantFrom(200, 200, 200, 401, 404, 500)), async ([bodies, status]) => {
      const ask = async (path: string): Promise<Answer> => ({ status, body: bodies[path], server: "" });
      await allowed(() => detectKind(ask));
      for (const probe of Object.values(probes)) {
        const reading = await allowed(() => probe(ask));
        if (reading) show(reading);
      }
      expect(Object.keys(probes).length).toBeGreaterThan(5);
    }),
  fuzzTimeoutMs,
);
