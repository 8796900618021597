import { afterAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { silentLog } from "../../src/core/log.ts";
import { createApp } from "../../src/http/create-app.ts";
import { listen } from "../../src/http/listen.ts";
import { readJson } from "../../src/http/read-json.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const second = 1000;

/** A request whose body comes when the test says so. */
const slowRequest = () => {
  const pipe = new TransformStream<Uint8Array, Uint8Array>(undefined, { highWaterMark: 1 }, { highWaterMark: 8 });
  const writer = pipe.writable.getWriter();
  const request = new Request("http://node/api/chat", { method: "POST", body: pipe.readable });
  const send = (text: string) => writer.write(new TextEncoder().encode(text));
  return { request, send, end: () => writer.close() };
};

test("a body is JSON, in as many pieces as it likes", async () => {
  const { request, send, end } = slowRequest();
  const reading = readJson(request, manualClock());
  const bytes = '{"word":"日本語"}';
  for (const piece of [bytes.slice(0, 10), bytes.slice(10)]) await send(piece);
  await end();
  expect(await reading).toEqual({ word: "日本語" });
  const of = (body: string | null) => readJson(new Request("http://node", { method: "POST", body }));
  await expect(of("{")).rejects.toThrow("invalid JSON in the request body");
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  expect(await of(nested(200))).toBeArray();
  for (const depth of [300, 1_000_000]) await expect(of(nested(depth))).rejects.toThrow("nested too deeply");
  for (const nothing of ["", null]) await expect(of(nothing)).rejects.toThrow("missing request body");
});

test("silence of a minute ends it, however much came before", async () => {
  const clock = manualClock();
  const { request, send } = slowRequest();
  const reading = readJson(request, clock).catch((error) => error);
  await send("x".repeat(1_000_000));
  await clock.advance(59 * second);
  await send("x");
  await clock.advance(60 * second);
  expect(await reading).toMatchObject({
    code: "request_timeout",
    message: "the request's body came too slowly: 1000001 bytes so far",
  });
});

test("a drop a second ends after a minute, a slow link does not", async () => {
  const clock = manualClock();
  const drip = slowRequest();
  const dripping = readJson(drip.request, clock).catch((error) => error);
  const slow = slowRequest();
  const reading = readJson(slow.request, clock);
  await slow.send('"');
  for (let passed = 0; passed < 300; passed++) {
    if (passed < 60) await drip.send("x");
    await slow.send("x".repeat(2000));
    await clock.advance(second);
  }
  await slow.send('"');
  await slow.end();
  expect(await dripping).toMatchObject({ code: "request_timeout" });
  expect(await reading).toHaveLength(600_000);
});

const clock = manualClock();
const app = createApp({ log: silentLog, hostname: "127.0.0.1", clock })
  .post("/api/echo", ({ body }) => body, { parse: "jsonBody" })
  .post("/v1/echo", ({ body }) => body, { parse: "jsonBody" })
  .post("/v1/messages", ({ body }) => body, { parse: "jsonBody" });
const server = listen(app, "127.0.0.1", 0);
afterAll(() => server.stop(true));

const message = "the request's body came too slowly";
test.each([
  ["/api/echo", { error: message }],
  ["/v1/echo", { error: { message, type: "invalid_request_error", param: null, code: "request_timeout" } }],
  ["/v1/messages", { type: "error", error: { type: "timeout_error", message } }],
])("%s answers 408 in its dialect, and closes", async (path, wanted) => {
  let answer = "";
  const closed = Promise.withResolvers<void>();
  const client = connect(server.port, "127.0.0.1", () =>
    client.write(`POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n{`),
  );
  client.on("data", (data) => {
    answer += data;
  });
  client.on("error", () => undefined).on("close", () => closed.resolve());
  // The request arrives at a moment of its own; until then there is nothing that time could end.
  const ended = { yet: false };
  void closed.promise.then(() => {
    ended.yet = true;
  });
  while (!ended.yet) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(second);
  }
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toStartWith("HTTP/1.1 408 ");
  expect(head.toLowerCase()).toContain("connection: close");
  expect(JSON.parse(body)).toEqual(wanted);
});
