import { expect, test } from "bun:test";
import { isNodeMessage, isRunnerMessage, type NodeMessage, type RunnerMessage } from "../../src/runner/protocol.ts";

const counts = { promptTokens: 1, cachedTokens: 0, completionTokens: 1, promptMs: 1, generationMs: 1 };

const fromNode: NodeMessage[] = [
  { type: "load", options: { modelPath: "m", contextTokens: 1, slots: 1 } },
  { type: "generate", id: 1, request: { input: { kind: "text", text: "" }, sampling: {} } },
  { type: "generate", id: 2, request: { input: { kind: "chat", messages: [] }, sampling: {}, stop: ["x"] } },
  { type: "rerank", id: 3, request: { query: "q", documents: ["a", ""] } },
  { type: "embed", id: 3, request: { inputs: ["a", [1, 2]] } },
  { type: "count", id: 4, request: { input: { kind: "text", text: "" }, sampling: {} } },
  { type: "cancel", id: 4 },
  { type: "ack", id: 4, tokens: 256 },
  { type: "stats", id: 5 },
  { type: "exit" },
];

const model = {
  contextTokens: 1,
  trainContextTokens: 1,
  slots: 1,
  memoryBytes: 1,
  vramBytes: 0,
  backend: "cpu",
  gpuLayers: 0,
  capabilities: { thinking: false, tools: false, vision: false, audio: false },
  chatTemplate: "",
  loadMs: 1,
} as const;

const stats = {
  slots: 1,
  busySlots: 0,
  queued: 0,
  paused: 0,
  finished: 0,
  promptTokens: 0,
  promptMs: 0,
  cachedTokens: 0,
  completionTokens: 0,
  generationMs: 0,
  threads: 1,
  cpuMs: 0,
  promptCacheBytes: 0,
  mediaEncoded: 0,
  mediaMs: 0,
  heartbeats: 0,
  held: [],
};

const fromRunner: RunnerMessage[] = [
  { type: "progress", fraction: 0.5 },
  { type: "loaded", model },
  { type: "loadFailed", code: "corrupt", message: "m" },
  {
    type: "events",
    id: 1,
    events: [
      { type: "text", text: "a" },
      { type: "done", reason: "stop", counts },
    ],
    tokens: 1,
  },
  { type: "events", id: 1, events: [{ type: "started", promptTokens: 2, cachedTokens: 1 }], tokens: 1 },
  { type: "events", id: 1, events: [{ type: "logprobs", tokens: [] }], tokens: 1 },
  { type: "events", id: 1, events: [{ type: "toolCall", index: 0, arguments: "" }], tokens: 0 },
  { type: "embedded", id: 1, vectors: [new Float32Array(1)], promptTokens: 1 },
  { type: "stats", id: 1, stats },
  { type: "pulse", stats },
  { type: "error", id: 1, code: "cancelled", message: "m" },
  { type: "batch", messages: [{ type: "error", id: 1, code: "cancelled", message: "m" }] },
];

test("every message of the protocol is known, and only on its own side", () => {
  expect(fromNode.filter((message) => !isNodeMessage(message))).toEqual([]);
  expect(fromRunner.filter((message) => !isRunnerMessage(message))).toEqual([]);
  expect(fromNode.filter(({ type }) => type !== "stats").some(isRunnerMessage)).toBe(false);
  expect(fromRunner.filter(({ type }) => type !== "stats").some(isNodeMessage)).toBe(false);
});

test("garbage is not", () => {
  const garbage: unknown[] = [
    undefined,
    null,
    1,
    "load",
    [],
    {},
    { type: 1 },
    { type: "toString" },
    { type: "load" },
    { type: "load", options: { modelPath: 1 } },
    { type: "generate", id: "1", request: { input: { kind: "text", text: "" }, sampling: {} } },
    { type: "generate", id: 1, request: { input: { kind: "text" }, sampling: {} } },
    { type: "generate", id: 1, request: { input: { kind: "chat", messages: [1] }, sampling: {} } },
    { type: "generate", id: 1, request: { input: { kind: "text", text: "" }, sampling: {}, stop: [1] } },
    { type: "generate", id: 1, request: { input: { kind: "text", text: "", context: ["a"] }, sampling: {} } },
    { type: "embed", id: 1, request: { inputs: "a" } },
    { type: "rerank", id: 1, request: { query: "q", documents: [1] } },
    { type: "rerank", id: 1, request: { documents: ["a"] } },
    { type: "cancel", id: 1.5 },
    { type: "progress", fraction: "1" },
    { type: "loaded", model: {} },
    { type: "loadFailed", code: "nope", message: "m" },
    { type: "events", id: 1, events: [{ type: "text" }] },
    { type: "events", id: 1, events: [{ type: "other" }] },
    { type: "embedded", id: 1, vectors: [[1]] },
    { type: "error", id: 1, code: "nope", message: "m" },
  ];
  expect(garbage.filter((message) => isNodeMessage(message) || isRunnerMessage(message))).toEqual([]);
});
