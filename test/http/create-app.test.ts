import { afterAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { t } from "elysia";
import { AppError } from "../../src/core/errors.ts";
import { silentLog } from "../../src/core/log.ts";
import { checkedBody } from "../../src/http/checked-body.ts";
import { createApp } from "../../src/http/create-app.ts";
import { listen } from "../../src/http/listen.ts";
import { ndjson } from "../../src/http/ndjson.ts";
import { namedSse, sse } from "../../src/http/sse.ts";
import { heartbeatMs } from "../../src/http/stream.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const finished: string[] = [];
const cancelled = Promise.withResolvers<void>();
const nextStarted = Promise.withResolvers<void>();

async function* values(...items: (string | Error)[]) {
  for (const item of items) {
    if (item instanceof Error) throw item;
    yield { item };
  }
}

async function* endless(signal: AbortSignal) {
  try {
    yield { item: "first" };
    nextStarted.resolve();
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  } finally {
    finished.push("endless");
    cancelled.resolve();
  }
}

const clock = manualClock();
const body = t.Object({ model: t.String(), size: t.Optional(t.Integer()) }, { additionalProperties: true });
const app = createApp({ log: silentLog, hostname: "127.0.0.1" })
  .post("/api/echo", ({ body }) => body, { body: checkedBody(body), parse: "jsonBody" })
  .get("/api/fails", () => {
    throw new AppError("model_not_found", 'model "x" not found');
  })
  .get("/v1/fails", () => {
    throw new AppError("busy", "server busy");
  })
  .get("/api/lines", ({ request }) => ndjson(values("日本", "語"), request.signal))
  .get("/api/late-fault", ({ request }) =>
    ndjson(values("a", new AppError("runner_crashed", "the runner died")), request.signal),
  )
  .get("/api/early-fault", ({ request }) => ndjson(values(new AppError("load_failed", "no such file")), request.signal))
  .get("/v1/events", ({ request }) => sse(values("a"), request.signal, clock))
  .get("/v1/late-fault", ({ request }) =>
    sse(values("a", new AppError("runner_crashed", "the runner died")), request.signal, clock),
  )
  .get("/api/endless", ({ request }) => ndjson(endless(request.signal), request.signal));
const server = listen(app, "127.0.0.1", 0);
const base = `http://127.0.0.1:${server.port}`;
afterAll(() => server.stop(true));

const post = (text: string, contentType = "application/json") =>
  fetch(`${base}/api/echo`, { method: "POST", body: text, headers: { "content-type": contentType } });

test("a JSON body keeps fields that the schema does not name", async () => {
  expect(await (await post('{"model":"m","extra":1}')).json()).toEqual({ model: "m", extra: 1 });
});

test("curl -d sends JSON as a form; it is read as JSON all the same", async () => {
  expect(await (await post('{"model":"m"}', "application/x-www-form-urlencoded")).json()).toEqual({ model: "m" });
});

test("broken JSON, a missing body and a wrong type are 400 with one clear line", async () => {
  const ill = '{"model":"m","size":"big"}';
  const answers = await Promise.all([post("{"), post(""), post(ill), post(ill)]);
  expect(answers.map((answer) => answer.status)).toEqual([400, 400, 400, 400]);
  const [broken, missing, wrong, again] = (await Promise.all(answers.map((answer) => answer.json()))) as {
    error: string;
  }[];
  expect(broken?.error).toBe("invalid JSON in the request body");
  expect(missing?.error).toBe("missing request body");
  expect(wrong?.error).toContain('invalid "size"');
  expect(again).toEqual(wrong); // by the compiled schema now
});

test("errors speak the dialect of their path, again and again", async () => {
  for (let round = 0; round < 3; round++) {
    const ollama = await fetch(`${base}/api/fails`);
    expect([ollama.status, await ollama.json()]).toEqual([404, { error: 'model "x" not found' }]);
    const openai = await fetch(`${base}/v1/fails`);
    expect(openai.status).toBe(503);
    expect(openai.headers.get("retry-after")).toBe("1");
    expect(await openai.json()).toEqual({
      error: { message: "server busy", type: "server_error", param: null, code: "busy" },
    });
    expect((await fetch(`${base}/nothing/here`)).status).toBe(404);
  }
});

test("ndjson streams whole lines in UTF-8", async () => {
  const answer = await fetch(`${base}/api/lines`);
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
  expect(await answer.text()).toBe('{"item":"日本"}\n{"item":"語"}\n');
});

test("a fault before the first record has its own status, a later one is the last record", async () => {
  const early = await fetch(`${base}/api/early-fault`);
  expect([early.status, await early.json()]).toEqual([500, { error: "no such file" }]);
  const late = await fetch(`${base}/api/late-fault`);
  expect(await late.text()).toBe('{"item":"a"}\n{"error":"the runner died"}\n');
});

test("server-sent events end with [DONE], after a fault without it", async () => {
  expect(await (await fetch(`${base}/v1/events`)).text()).toBe('data: {"item":"a"}\n\ndata: [DONE]\n\n');
  const late = await (await fetch(`${base}/v1/late-fault`)).text();
  expect(late).toContain('data: {"error":{"message":"the runner died"');
  expect(late).not.toContain("[DONE]");
});

test("a client that goes away ends the source, even one that waits", async () => {
  const abort = new AbortController();
  const answer = await fetch(`${base}/api/endless`, { signal: abort.signal });
  const reader = answer.body?.getReader();
  await reader?.read();
  const pending = reader?.read().catch(() => undefined);
  await nextStarted.promise;
  abort.abort();
  await cancelled.promise;
  await pending;
  expect(finished).toEqual(["endless"]);
});

test("a body that nobody begins to read closes its source when the client is gone", async () => {
  const closed: string[] = [];
  const source = async function* (name: string) {
    try {
      yield name;
      yield "never reached";
    } finally {
      closed.push(name);
    }
  };
  const abort = new AbortController();
  await ndjson(source("later"), abort.signal);
  expect(closed).toEqual([]);
  abort.abort();
  await ndjson(source("already"), abort.signal);
  await Promise.resolve();
  expect(closed).toEqual(["later", "already"]);
});

test("a taken port is a clear error", () => {
  const second = createApp({ log: silentLog, hostname: "127.0.0.1" });
  expect(() => listen(second, "127.0.0.1", server.port)).toThrow(/the address is in use/);
});

test("a body above the limit is refused", async () => {
  const answer = await post(`{"model":"${"x".repeat(129 * 1024 * 1024)}"}`);
  expect(answer.status).toBe(413);
});

test("a long silence carries heartbeats, before the first record too", async () => {
  const { signal } = new AbortController();
  const clock = manualClock();
  const waits = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = async function* () {
    for (const { promise } of waits) {
      await promise;
      yield { type: "item" };
    }
  };
  const responding = namedSse(slow(), signal, { fault: () => ({ type: "error" }), heartbeat: { type: "ping" }, clock });
  await clock.advance(heartbeatMs);
  const reader = (await responding).body?.getReader();
  const read = async () => new TextDecoder().decode((await reader?.read())?.value as Uint8Array | undefined);
  const ping = 'event: ping\ndata: {"type":"ping"}\n\n';
  const item = 'event: item\ndata: {"type":"item"}\n\n';
  expect(await read()).toBe(ping);
  const second = read();
  await clock.advance(heartbeatMs);
  expect(await second).toBe(ping);
  const third = read();
  waits[0]?.resolve();
  expect(await third).toBe(item);
  const fourth = read();
  waits[1]?.resolve();
  expect(await fourth).toBe(item);
  expect((await reader?.read())?.done).toBe(true);
});

test("a head that never ends is cut off; a slow answer is not", async () => {
  const slow = Promise.withResolvers<string>();
  const app = createApp({ log: silentLog, hostname: "127.0.0.1" }).get("/slow", () => slow.promise);
  const server = listen(app, "127.0.0.1", 0, { silenceSeconds: 1 });
  try {
    const answer = fetch(`http://127.0.0.1:${server.port}/slow`);
    const closed = Promise.withResolvers<void>();
    const client = connect(server.port, "127.0.0.1", () => client.write("POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
    const drip = setInterval(() => client.write("x: y\r\n"), 100);
    client.on("error", () => undefined).on("close", () => closed.resolve());
    await closed.promise;
    clearInterval(drip);
    slow.resolve("late");
    expect(await (await answer).text()).toBe("late");
  } finally {
    await server.stop(true);
  }
}, 60_000);
