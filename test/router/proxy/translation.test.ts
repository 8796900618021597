import { expect, test } from "bun:test";
import { chunk, jsonAnswer, lastChunk, rawServer, sseHead } from "../../fakes/raw-server.ts";
import { startProxy } from "./harness.ts";

const sse = (...records: unknown[]) =>
  Buffer.concat([
    Buffer.from(sseHead),
    ...records.map((record) => chunk(`data: ${JSON.stringify(record)}\n\n`)),
    chunk("data: [DONE]\n\n"),
    Buffer.from(lastChunk),
  ]);

const delta = (piece: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: piece, finish_reason }],
});

/** Thinks, says 日本, calls a tool. */
const answer = sse(
  delta({ role: "assistant", content: "" }),
  delta({ reasoning: "hm" }),
  delta({ content: "日" }),
  delta({ content: "本" }),
  delta({ tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "f", arguments: '{"a"' } }] }),
  delta({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }),
  delta({}, "tool_calls"),
  { choices: [], usage: { prompt_tokens: 20, completion_tokens: 7, prompt_tokens_details: { cached_tokens: 5 } } },
);

const bodyOf = (request = "") => JSON.parse(request.slice(request.indexOf("\r\n\r\n") + 4));
const tool = { name: "f", description: "d", input_schema: { type: "object", properties: { a: { type: "number" } } } };
const messages = [{ role: "user", content: "hi" }];

test("an Anthropic request on an Ollama node", async () => {
  await using node = await rawServer((socket) => socket.write(answer));
  await using router = await startProxy([
    { id: "o", url: node.url, kind: "ollama", models: ["m:latest"], credential: "secret" },
  ]);
  const asked = { model: "m", max_tokens: 50, system: "be kind", messages, tools: [tool], stop_sequences: ["END"] };
  const response = await router.post("/v1/messages", asked, { headers: { "x-api-key": "client's", cookie: "a=b" } });
  expect(response.headers.get("x-llmlb-node")).toBe("o");
  expect(await response.json()).toMatchObject({
    type: "message",
    role: "assistant",
    model: "m",
    content: [
      { type: "thinking", thinking: "hm" },
      { type: "text", text: "日本" },
      { type: "tool_use", id: "call_1", name: "f", input: { a: 1 } },
    ],
    stop_reason: "tool_use",
    usage: { input_tokens: 15, cache_read_input_tokens: 5, output_tokens: 7 },
  });
  const [request = ""] = node.requests;
  expect(request).toStartWith("POST /v1/chat/completions HTTP/1.1\r\n");
  expect(request).toContain("authorization: Bearer secret\r\n");
  expect(request).not.toContain("client's");
  expect(request).not.toContain("cookie");
  expect(request).toMatch(/traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00\r\n/);
  expect(bodyOf(request)).toEqual({
    model: "m:latest",
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 50,
    stop: ["END"],
    messages: [{ role: "system", content: "be kind" }, ...messages],
    tools: [{ type: "function", function: { name: "f", description: "d", parameters: tool.input_schema } }],
  });
  expect(router.records[0]).toMatchObject({ way: "translated", status: 200, node: "o" });
  expect(router.chooser.held.get("o")).toBe(0);
});

test("the same, streamed", async () => {
  await using node = await rawServer((socket) => socket.write(answer));
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm" }]);
  const text = await (await router.post("/v1/messages", { model: "m", max_tokens: 50, messages, stream: true })).text();
  const types = [...text.matchAll(/^event: (.+)$/gm)].map(([, type]) => type ?? "");
  expect(types[0]).toBe("message_start");
  expect(types.at(-1)).toBe("message_stop");
  expect(text).toContain('"partial_json":":1}"');
});

test("Ollama's and the responses API on a vLLM node", async () => {
  await using node = await rawServer((socket) => socket.write(answer));
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm" }]);
  const ollama = (await (
    await router.post("/api/chat", { model: "m", messages, stream: false, think: false })
  ).json()) as object;
  expect(ollama).toMatchObject({
    message: { content: "日本", thinking: "hm", tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }] },
    done: true,
    done_reason: "stop",
    prompt_eval_count: 20,
    eval_count: 7,
  });
  expect(bodyOf(node.requests[0])).toMatchObject({ chat_template_kwargs: { enable_thinking: false } });
  const responses = await (await router.post("/v1/responses", { model: "m", input: "hi" })).json();
  expect(bodyOf(node.requests[1])).toMatchObject({ messages: [{ role: "user", content: "hi" }] });
  expect(responses).toMatchObject({
    status: "completed",
    output: [
      { type: "reasoning" },
      { type: "message" },
      { type: "function_call", call_id: "call_1", arguments: '{"a":1}' },
    ],
  });
});

test("a raw prompt goes to the older endpoint, and a server that does not stream is understood", async () => {
  const whole = {
    choices: [{ text: "42", finish_reason: "length" }],
    usage: { prompt_tokens: 3, completion_tokens: 1 },
  };
  await using node = await rawServer((socket) => socket.write(jsonAnswer(whole)));
  await using router = await startProxy([{ id: "x", url: node.url, kind: "openai" }]);
  const asked = { model: "m", prompt: "6*7=", raw: true, stream: false, options: { top_k: 5, temperature: 0 } };
  expect(await (await router.post("/api/generate", asked)).json()).toMatchObject({
    response: "42",
    done_reason: "length",
  });
  expect(node.requests[0]).toStartWith("POST /v1/completions ");
  const sent = bodyOf(node.requests[0]);
  expect(sent).toMatchObject({ prompt: "6*7=", temperature: 0 });
  expect(sent.top_k).toBeUndefined(); // OpenAI refuses what it does not know
});

test("embeddings in Ollama's words", async () => {
  const made = { data: [{ index: 0, embedding: [3, 4] }], usage: { prompt_tokens: 2 } };
  await using node = await rawServer((socket) => socket.write(jsonAnswer(made)));
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm" }]);
  const { embeddings } = (await (await router.post("/api/embed", { model: "m", input: "hi" })).json()) as {
    embeddings: number[][];
  };
  expect(embeddings[0]?.[0]).toBeCloseTo(0.6);
  expect(router.chooser.held.get("v")).toBe(0);
});

test("a translated stream that breaks ends in its dialect's error; bodies of no shape are the client's mistake", async () => {
  await using node = await rawServer((socket) =>
    socket.write(
      Buffer.concat([Buffer.from(sseHead), chunk(`data: ${JSON.stringify(delta({ content: "a" }))}\n\n`)]),
      () => socket.resetAndDestroy(),
    ),
  );
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm" }]);
  const lines = (await (await router.post("/api/chat", { model: "m", messages })).text()).trim().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toHaveProperty("error");
  expect(router.records[0]).toMatchObject({ fault: "connection" });
  const wrong = await router.post("/v1/messages", { model: "m", messages: 5 });
  expect(wrong.status).toBe(400);
  expect(router.chooser.held.get("v")).toBe(0);
});

test("an endpoint that some kinds do not have goes to one that has it", async () => {
  await using vllm = await rawServer((socket) => socket.write(jsonAnswer({ results: [] })));
  await using router = await startProxy([
    { id: "o", url: "http://127.0.0.1:1", kind: "ollama" },
    { id: "v", url: vllm.url, kind: "vllm" },
  ]);
  const response = await router.post("/rerank", { model: "m", query: "q", documents: ["d"] });
  expect(response.headers.get("x-llmlb-node")).toBe("v");
  expect(vllm.requests[0]).toStartWith("POST /v1/rerank ");
});

test("tokens of an Anthropic request are counted by vLLM's /tokenize", async () => {
  await using node = await rawServer((socket) =>
    socket.write(jsonAnswer({ count: 31, max_model_len: 4096, tokens: [] })),
  );
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm", models: ["served"] }]);
  const asked = { model: "served", system: "be kind", messages, tools: [tool] };
  const response = await router.post("/v1/messages/count_tokens", asked);
  expect([response.status, await response.json()]).toEqual([200, { input_tokens: 31 }]);
  expect(node.requests[0]).toStartWith("POST /tokenize HTTP/1.1\r\n");
  expect(bodyOf(node.requests[0])).toEqual({
    model: "served",
    messages: [{ role: "system", content: "be kind" }, ...messages],
    tools: [{ type: "function", function: { name: "f", description: "d", parameters: tool.input_schema } }],
  });
  expect(router.chooser.held.get("v")).toBe(0);
});

test("an answer to /tokenize without a count is a fault, not a number", async () => {
  await using node = await rawServer((socket) => socket.write(jsonAnswer({ error: "no such thing" })));
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm" }]);
  const response = await router.post("/v1/messages/count_tokens", { model: "m", messages });
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ type: "error" });
});

const context = [1, 2, 3];
test.each([
  ["/v1/rerank", "ollama", { query: "q", documents: ["d"] }, "/v1/rerank", "llmlb, vllm, llama-server"],
  ["/v1/messages/count_tokens", "ollama", { messages }, "/v1/messages/count_tokens", "llmlb, vllm, llama-server"],
  ["/api/generate", "vllm", { prompt: "p", context }, "context", "llmlb, ollama"],
  ["/v1/responses", "vllm", { input: "on", previous_response_id: "resp_1" }, "previous_response_id", "llmlb"],
  ["/v1/responses", "llama-server", { input: "on", previous_response_id: "resp_1" }, "previous_response_id", "llmlb"],
] as const)("%s on %s alone: 501 that says who can", async (path, kind, body, what, able) => {
  await using node = await rawServer((socket) => socket.write(jsonAnswer({})));
  await using router = await startProxy([{ id: "x", url: node.url, kind }]);
  const response = await router.post(path, { model: "m", ...body });
  expect(response.status).toBe(501);
  expect(await response.text()).toContain(`${what}: no node that has \\"m\\" can do that; ${able} can`);
  expect(node.requests).toEqual([]);
});

test("what only some kinds can do goes to those, past others that come first", async () => {
  await using vllm = await rawServer((socket) => socket.write(jsonAnswer({})));
  await using ollama = await rawServer((socket) => socket.write(jsonAnswer({ response: "x", done: true })));
  await using router = await startProxy([
    { id: "v", url: vllm.url, kind: "vllm" },
    { id: "o", url: ollama.url, kind: "ollama" },
  ]);
  const response = await router.post("/api/generate", { model: "m", prompt: "p", context, stream: false });
  expect([response.status, response.headers.get("x-llmlb-node")]).toEqual([200, "o"]);
  expect(bodyOf(ollama.requests[0])).toMatchObject({ context });
  expect(vllm.requests).toEqual([]);
  router.cluster.set("o", { status: "offline" }); // it could, but is away: that is no fault of the request
  expect((await router.post("/api/generate", { model: "m", prompt: "p", context })).status).toBe(503);
});

test("what a node answers in another shape than OpenAI's is its fault, in one line", async () => {
  const strange = {
    choices: [{ message: { content: "a", tool_calls: [{ function: { name: [{ toString: null }] } }] } }],
  };
  await using node = await rawServer((socket) => socket.write(jsonAnswer(strange)));
  await using router = await startProxy([{ id: "x", url: node.url, kind: "openai" }]);
  const response = await router.post("/api/chat", { model: "m", messages, stream: false });
  expect(await response.json()).toEqual({ error: "the node's answer has not the shape of OpenAI's API" });
});

test.each([
  { model: "m", messages: [[{ toString: 1 }]] },
  { model: "m", messages: [{ role: { toString: 1 }, content: "hi" }] },
  { model: "m", messages: 5, keep_alive: { toString: 1 } },
])("%j is no chat", async (body) => {
  await using node = await rawServer((socket) => socket.write(answer));
  await using router = await startProxy([{ id: "v", url: node.url, kind: "vllm" }]);
  const response = await router.post("/api/chat", body);
  expect([response.status, await response.json()]).toEqual([
    400,
    { error: "the request body has not the shape of its API" },
  ]);
});
