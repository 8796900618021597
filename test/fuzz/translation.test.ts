import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Socket } from "node:net";
import type { ResponsesRequest } from "../../src/api/openai-responses.ts";
import { checkShape } from "../../src/core/check-shape.ts";
import type { GenerationRequest } from "../../src/core/generation.ts";
import { fromAnthropicMessages } from "../../src/dialect/anthropic-request.ts";
import { fromOllamaChat, fromOllamaGenerate } from "../../src/dialect/ollama-request.ts";
import { fromOpenAiChat } from "../../src/dialect/openai-chat.ts";
import { fromOpenAiCompletion } from "../../src/dialect/openai-completions.ts";
import { fromResponses, inputMessages } from "../../src/dialect/responses-request.ts";
import { endpoints } from "../../src/router/proxy/endpoints.ts";
import { toBridgeRequest } from "../../src/runner/bridge-request.ts";
import { chunk, lastChunk, type RawServer, rawServer, sseHead } from "../fakes/raw-server.ts";
import { startProxy } from "../router/proxy/harness.ts";
import { allowed, anyJson, changedJson, fc, fuzzTimeoutMs, holds } from "./fuzz.ts";
import { bodies, model } from "./request-bodies.ts";

const logprobs = { content: [{ token: "a", bytes: [97], logprob: -1, top_logprobs: [{ token: "b", logprob: -2 }] }] };
const call = { index: 0, id: "1", type: "function", function: { name: "f", arguments: "{}" } };
const usage = { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 1 } };

/** What servers of OpenAI's API answer: a piece of a chat, a whole one, a text, embeddings, a ranking. */
const answers = [
  {
    choices: [
      { index: 0, delta: { role: "assistant", content: "a", tool_calls: [call] }, logprobs, finish_reason: null },
    ],
    usage,
  },
  {
    choices: [
      { index: 0, message: { content: "a", reasoning_content: "b", tool_calls: [call] }, finish_reason: "stop" },
    ],
    usage,
  },
  { choices: [{ index: 0, text: "a", finish_reason: "length", stop_reason: "x" }], usage },
  { data: [{ object: "embedding", index: 0, embedding: [1, 2] }], usage },
  { error: { message: "m", type: "t", code: 5 } },
];

interface Exchange {
  path: string;
  request: unknown;
  answer: { records: unknown[]; isStream: boolean; status: number };
}

const translated = endpoints.map(({ path }) => path).filter((path) => `POST ${path}` in bodies);

const exchanges: fc.Arbitrary<Exchange> = fc.constantFrom(...translated).chain((path) => {
  const whole = bodies[`POST ${path}`] ?? [];
  return fc.record({
    path: fc.constant(path),
    request: fc.oneof(fc.constantFrom(...whole), ...whole.map(changedJson)),
    answer: fc.record({
      records: fc.array(fc.oneof(fc.constantFrom(...answers), ...answers.map(changedJson), anyJson), {
        minLength: 1,
        maxLength: 3,
      }),
      isStream: fc.boolean(),
      status: fc.constantFrom(200, 200, 200, 400, 404, 503),
    }),
  });
});

let next: Exchange["answer"];
let node: RawServer;
let router: Awaited<ReturnType<typeof startProxy>>;
beforeAll(async () => {
  node = await rawServer((socket) => answer(socket, next));
  router = await startProxy([{ id: "o", url: node.url, kind: "openai", models: [model] }]);
});
afterAll(async () => {
  await router[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
});

const encode = (value: unknown): string => JSON.stringify(value) ?? "";

const answer = (socket: Socket, { records, isStream, status }: Exchange["answer"]): void => {
  if (isStream && status === 200) {
    for (const part of [
      sseHead,
      ...records.map((record) => chunk(`data: ${encode(record)}\n\n`)),
      chunk("data: [DONE]\n\n"),
      lastChunk,
    ])
      socket.write(part);
    return;
  }
  const body = encode(records[0]);
  socket.write(
    `HTTP/1.1 ${status} x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};

test(
  "whatever is asked and whatever a node answers, the router says it in the client's words or says what is wrong",
  () =>
    holds(
      exchanges,
      async ({ path, request, answer: asked }) => {
        next = asked;
        const response = await router.post(path, encode(request));
        const text = await response.text();
        // What a node says wrongly is told with the same status as the router's own faults, whose texts are the engine's.
        expect(text).not.toMatch(/is not (a function|an object|iterable)|Maximum call stack|No default value/);
      },
      { runs: 300 },
    ),
  fuzzTimeoutMs,
);

const translate: Readonly<Record<string, (body: never) => GenerationRequest[]>> = {
  "/api/chat": (body) => [fromOllamaChat(body)],
  "/api/generate": (body) => [fromOllamaGenerate(body)],
  "/v1/chat/completions": (body) => [fromOpenAiChat(body)],
  "/v1/completions": (body) => fromOpenAiCompletion(body),
  "/v1/messages": (body) => [fromAnthropicMessages(body)],
  "/v1/responses": (body) => {
    const { input = [] } = body as ResponsesRequest;
    return [fromResponses(body, inputMessages(input))];
  },
};

const translatable = fc
  .constantFrom(...Object.keys(translate))
  .chain((path) => fc.tuple(fc.constant(path), fc.oneof(...(bodies[`POST ${path}`] ?? []).map(changedJson))));

test(
  "what a request becomes is taken by the native bridge, or refused before it comes there",
  () =>
    holds(
      translatable,
      async ([path, body]) => {
        await allowed(() => {
          for (const request of checkShape(() => translate[path]?.(body as never) ?? []))
            JSON.parse(toBridgeRequest(request).json);
        });
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);
