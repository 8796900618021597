import { expect, test } from "bun:test";
import { manualClock } from "../../fakes/manual-clock.ts";
import { chunk, jsonAnswer, lastChunk, rawServer, sseHead } from "../../fakes/raw-server.ts";
import { startProxy, until } from "./harness.ts";

const chat = { model: "m", messages: [{ role: "user", content: "hi" }] };
const good = () => rawServer((socket) => socket.write(jsonAnswer({ from: "good" })));
const chatPath = "/v1/chat/completions";

/** What a bad node does to the first byte's hope; the answer is to come from the other one. */
const faults: [string, Parameters<typeof rawServer>[0], outcome: string][] = [
  ["resets before the headers", (socket) => socket.resetAndDestroy(), "unreachable"],
  ["closes before the headers", (socket) => socket.end(), "unreachable"],
  [
    "resets after the headers, before the body",
    (socket) => socket.write(sseHead, () => socket.resetAndDestroy()),
    "unreachable",
  ],
  [
    "resets in the middle of an answer of known length",
    (socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", () =>
        setImmediate(() => socket.resetAndDestroy()),
      ),
    "unreachable",
  ],
  ["answers 500", (socket) => socket.write(jsonAnswer({ error: "x" }, { status: "500 Oops" })), "failed"],
  ["answers 503", (socket) => socket.write(jsonAnswer({ error: "x" }, { status: "503 No" })), "failed"],
  [
    "is busy",
    (socket) => socket.write(jsonAnswer({ error: "x" }, { status: "503 Busy", headers: "retry-after: 1\r\n" })),
    "answered",
  ],
  ["is limited", (socket) => socket.write(jsonAnswer({ error: "x" }, { status: "429 Slow" })), "answered"],
  ["has not the model after all", (socket) => socket.write(jsonAnswer({}, { status: "404 Not Found" })), "answered"],
  ["does not know our key", (socket) => socket.write(jsonAnswer({}, { status: "401 Unauthorized" })), "failed"],
  [
    "redirects",
    (socket) => socket.write("HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
    "failed",
  ],
  ["sends huge headers", (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`), "failed"],
  ["sends no HTTP", (socket) => socket.write("hello\r\n\r\n"), "failed"],
];

test.each(faults)("a node that %s: another one answers", async (_name, answer, outcome) => {
  await using bad = await rawServer(answer);
  await using other = await good();
  await using router = await startProxy([
    { id: "bad", url: bad.url },
    { id: "good", url: other.url },
  ]);
  const response = await router.post(chatPath, chat);
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ from: "good" });
  expect(response.headers.get("x-llmlb-node")).toBe("good");
  expect(router.cluster.notes).toEqual([
    ["bad", outcome as "failed"],
    ["good", "answered"],
  ]);
  expect(router.records[0]).toMatchObject({ status: 200, retries: 1, node: "good", model: "m" });
  expect([...router.chooser.held.values()]).toEqual([0, 0]);
});

test("a node that refuses connections", async () => {
  const gone = await good();
  await gone[Symbol.asyncDispose]();
  await using other = await good();
  await using router = await startProxy([
    { id: "gone", url: gone.url },
    { id: "good", url: other.url },
  ]);
  expect((await router.post(chatPath, chat)).status).toBe(200);
  expect(router.cluster.notes[0]).toEqual(["gone", "unreachable"]);
});

test("when all fail, the client is told what the last one said, or why none answered", async () => {
  await using bad = await rawServer((socket) =>
    socket.write(jsonAnswer({ error: { message: "boom" } }, { status: "500 Oops" })),
  );
  await using redirecting = await rawServer((socket) =>
    socket.write("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
  );
  await using router = await startProxy([
    { id: "bad", url: bad.url, models: ["a"] },
    { id: "redirecting", url: redirecting.url, models: ["b"] },
  ]);
  const told = await router.post(chatPath, { ...chat, model: "a" });
  expect(told.status).toBe(500);
  expect(await told.json()).toEqual({ error: { message: "boom" } });
  const refused = await router.post("/api/chat", { ...chat, model: "b" }, { redirect: "manual" });
  expect(refused.status).toBe(502);
  expect(await refused.json()).toEqual({ error: "node redirecting answered 302: a redirect is not followed" });
  const unknown = await router.post("/v1/messages", { ...chat, model: "c" });
  expect(unknown.status).toBe(404);
  expect(await unknown.json()).toMatchObject({ type: "error", error: { type: "not_found_error" } });
});

test("what a node refuses, the client is told at once", async () => {
  const refusal = { error: { message: "no", type: "invalid_request_error" } };
  await using first = await rawServer((socket) => socket.write(jsonAnswer(refusal, { status: "400 Bad Request" })));
  await using other = await good();
  await using router = await startProxy([
    { id: "first", url: first.url },
    { id: "good", url: other.url },
  ]);
  const response = await router.post(chatPath, chat);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual(refusal);
  expect(other.requests).toEqual([]);
});

test("a connection that went stale counts against no node", async () => {
  await using server = await rawServer((socket, _request, nth) => {
    if (nth === 2)
      socket.destroy(); // the second request meets a server that has just closed
    else socket.write(jsonAnswer({ nth }));
  });
  await using router = await startProxy([{ id: "a", url: server.url }]);
  expect(await (await router.post(chatPath, chat)).json()).toEqual({ nth: 1 });
  expect(await (await router.post(chatPath, chat)).json()).toEqual({ nth: 3 });
  expect(router.cluster.notes).toEqual([
    ["a", "answered"],
    ["a", "answered"],
  ]);
  expect(server.connections).toBe(2);
});

const streams: [path: string, kind: "llmlb", sent: string, got: string][] = [
  [chatPath, "llmlb", 'data: {"a":1}\n\ndata: {"b', 'data: {"a":1}\n\ndata: {"error":{"message":"'],
  ["/v1/responses", "llmlb", "event: x\ndata: {}\n", "event: x\ndata: {}\n\nevent: error\ndata: {"],
  ["/v1/messages", "llmlb", "event: x\ndata: {}\n\nev", "event: x\ndata: {}\n\nevent: error\ndata: {"],
];

test.each(streams)(
  "%s that breaks is ended by an error of its dialect, at a line's end",
  async (path, kind, sent, got) => {
    await using server = await rawServer((socket) =>
      socket.write(Buffer.concat([Buffer.from(sseHead), chunk(sent)]), () => socket.resetAndDestroy()),
    );
    await using other = await good();
    await using router = await startProxy([
      { id: "a", url: server.url, kind },
      { id: "good", url: other.url },
    ]);
    const text = await (await router.post(path, { ...chat, stream: true })).text();
    expect(text).toStartWith(got);
    expect(text).toEndWith("}\n\n");
    expect(other.requests).toEqual([]);
    expect(router.cluster.notes.at(-1)).toEqual(["a", "failed"]);
    expect(router.records[0]).toMatchObject({ status: 200, fault: "connection" });
  },
);

test("NDJSON that breaks ends in an error record", async () => {
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
  await using server = await rawServer((socket) =>
    socket.write(Buffer.concat([Buffer.from(head), chunk('{"done":false}\n{"do')]), () => socket.end()),
  );
  await using router = await startProxy([{ id: "a", url: server.url, kind: "ollama" }]);
  const lines = (await (await router.post("/api/chat", chat)).text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([{ done: false }, { error: "the node closed the connection" }]);
});

test("a node that sends nothing is given up", async () => {
  const clock = manualClock();
  await using silent = await rawServer(() => undefined);
  await using other = await good();
  const nodes = [
    { id: "silent", url: silent.url },
    { id: "good", url: other.url },
  ];
  await using router = await startProxy(nodes, { clock, limits: { wholeFirstByteMs: 60_000 } });
  const answer = router.post(chatPath, chat);
  await until(() => silent.requests.length === 1);
  await clock.advance(59_000);
  expect(other.requests).toEqual([]);
  await clock.advance(1_000);
  expect((await answer).status).toBe(200);
  expect(router.cluster.notes[0]).toEqual(["silent", "unreachable"]);
});

test("a node that fell silent and is called offline is given up, before its first byte and after", async () => {
  const clock = manualClock();
  await using silent = await rawServer((socket, request) => {
    if (request.includes('"stream":true')) socket.write(Buffer.concat([Buffer.from(sseHead), chunk("data: 1\n\n")]));
  });
  await using router = await startProxy([{ id: "silent", url: silent.url }], { clock });
  const whole = router.post(chatPath, chat);
  const stream = await router.post(chatPath, { ...chat, stream: true });
  await until(() => silent.requests.length === 2);
  await clock.advance(60_000); // as long as it is thought to be there, it may be silent
  router.cluster.set("silent", { status: "offline" });
  await clock.advance(5_000);
  expect((await whole).status).toBe(502);
  expect(await stream.text()).toContain("node silent is offline");
});

test("a client that goes away ends the request on the node at once", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await rawServer((socket, request) => {
    socket.on("close", () => closed.resolve());
    if (request.includes('"stream":true')) socket.write(Buffer.concat([Buffer.from(sseHead), chunk("data: 1\n\n")]));
  });
  await using router = await startProxy([{ id: "a", url: server.url }]);
  const gone = new AbortController();
  const response = await router.post(chatPath, { ...chat, stream: true }, { signal: gone.signal });
  await response.body?.getReader().read();
  expect(router.chooser.held.get("a")).toBe(1);
  gone.abort();
  await closed.promise;
  await until(() => router.chooser.held.get("a") === 0);
  expect(router.records[0]).toMatchObject({ fault: "cancelled" });
  expect(router.cluster.notes).toEqual([["a", "answered"]]);
});

test("a client that goes away before the first byte ends it too", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await rawServer((socket) => socket.on("close", () => closed.resolve()));
  await using router = await startProxy([{ id: "a", url: server.url }]);
  const gone = new AbortController();
  const answer = router.post(chatPath, chat, { signal: gone.signal }).catch((error) => error);
  await until(() => server.requests.length === 1);
  gone.abort();
  await answer;
  await closed.promise;
  await until(() => router.chooser.held.get("a") === 0);
  expect(router.cluster.notes).toEqual([]);
});

test("text is passed on byte by byte, however it is cut", async () => {
  const text = 'data: {"content":"日本語🙂é"}\n\ndata: [DONE]\n\n';
  await using server = await rawServer(async (socket) => {
    socket.write(sseHead);
    for (const byte of Buffer.from(text)) {
      socket.write(chunk(new Uint8Array([byte])));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(lastChunk);
  });
  await using router = await startProxy([{ id: "a", url: server.url }]);
  expect(await (await router.post(chatPath, { ...chat, stream: true })).text()).toBe(text);
  expect(router.records[0]).toMatchObject({ status: 200, way: "native" });
  expect(router.records[0]?.fault).toBeUndefined();
});

test("no more is taken from the node than a slow client reads", async () => {
  let sent = 0;
  const line = chunk(`data: ${"x".repeat(65_536)}\n\n`);
  await using server = await rawServer((socket) => {
    socket.write(sseHead);
    const more = (): void => {
      while (sent < 200_000_000) {
        sent += line.length;
        if (!socket.write(line)) return void socket.once("drain", more);
      }
      socket.write(lastChunk);
    };
    more();
  });
  await using router = await startProxy([{ id: "a", url: server.url }]);
  const { port } = new URL(router.base);
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(port),
    socket: { data: (socket) => void socket.pause() },
  });
  const body = JSON.stringify({ ...chat, stream: true });
  client.write(`POST ${chatPath} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await until(() => sent > 0);
  let before = -1;
  while (before !== sent) {
    before = sent;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sent).toBeLessThan(30_000_000); // what the buffers of three sockets hold
  client.terminate();
  await until(() => router.chooser.held.get("a") === 0);
});
