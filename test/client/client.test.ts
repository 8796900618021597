import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Client, createClient } from "../../src/client/client.ts";
import { watchConnect } from "../../src/client/connection.ts";
import { AppError } from "../../src/core/errors.ts";
import {
  chatRecords,
  type FakeNode,
  listedModel,
  loadedRecord,
  ndjson,
  shownModel,
  startFakeNode,
} from "../fakes/fake-node.ts";
import { manualClock } from "../fakes/manual-clock.ts";

let node: FakeNode;
let client: Client;

beforeEach(() => {
  node = startFakeNode();
  client = createClient({ baseUrl: node.baseUrl });
});

afterEach(async () => await node[Symbol.asyncDispose]());

const errorOf = async (action: Promise<unknown>) => {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${error}`);
  return { code: error.code, message: error.message, exitCode: error.exitCode };
};

const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
};

const question = { model: "m", messages: [{ role: "user" as const, content: "hi" }] };

test("plain calls answer with their bodies", async () => {
  node.on("GET /api/version", () => Response.json({ version: "0.32.15" }));
  node.on("GET /api/tags", () => Response.json({ models: [listedModel()] }));
  node.on("GET /api/ps", () => Response.json({ models: [] }));
  node.on("POST /api/show", () => Response.json(shownModel()));
  node.on("DELETE /api/delete", () => new Response(null));
  expect(client.host).toBe(node.host);
  expect(await client.version()).toBe("0.32.15");
  expect((await client.tags()).models[0]?.name).toBe(listedModel().name);
  expect(await client.ps()).toEqual({ models: [] });
  expect(await client.show("m")).toEqual(shownModel());
  await client.remove("m");
  expect(node.requests.slice(-2).map(({ method, body }) => [method, body])).toEqual([
    ["POST", { model: "m" }],
    ["DELETE", { model: "m" }],
  ]);
});

test("streams end with their final record", async () => {
  node.on("POST /api/chat", () => ndjson([...chatRecords(["a", "b"]), { never: "read" }]));
  expect(await collect(client.chat(question))).toEqual(chatRecords(["a", "b"]));
  node.on("POST /api/pull", () => ndjson([{ status: "pulling manifest" }, { status: "success" }]));
  expect(await collect(client.pull("org/m"))).toEqual([{ status: "pulling manifest" }, { status: "success" }]);
  node.on("POST /api/generate", () => ndjson([loadedRecord]));
  await client.load("m", "5m");
  await client.stop("m");
  expect(node.bodies("/api/generate")).toEqual([
    { stream: true, model: "m", keep_alive: "5m" },
    { stream: true, model: "m", keep_alive: 0 },
  ]);
});

test.each<[string, (client: Client) => Promise<unknown>, string, number, string]>([
  ["GET /api/tags", (c) => c.tags(), "not_found", 404, "GET"],
  ["POST /api/show", (c) => c.show("m"), "model_not_found", 404, "model"],
  ["DELETE /api/delete", (c) => c.remove("m"), "read_only", 403, "by code"],
  ["POST /api/chat", (c) => collect(c.chat(question)), "busy", 503, "queue"],
  ["POST /api/chat", (c) => collect(c.chat(question)), "connection", 502, "router lost its node"],
  ["POST /api/pull", (c) => collect(c.pull("m")), "hub_unavailable", 502, "hub"],
  ["POST /api/pull", (c) => collect(c.pull("m")), "disk_full", 507, "disk"],
  ["POST /api/pull", (c) => collect(c.pull("m")), "internal", 599, "unknown 5xx"],
  ["POST /api/pull", (c) => collect(c.pull("m")), "invalid_argument", 418, "unknown 4xx"],
])("%s: %p of %s", async (route, ask, code, status, error) => {
  const body = code === "read_only" ? { error, code } : { error };
  node.on(route, () => Response.json(body, { status }));
  expect(await errorOf(ask(client))).toMatchObject({ code, message: error });
});

test("a server that is not ours is told apart", async () => {
  node.on("GET /api/tags", () => new Response("<h1>Not Found</h1>", { status: 404 }));
  expect(await errorOf(client.tags())).toMatchObject({
    code: "not_found",
    message: `${node.host} answered 404 Not Found to /api/tags; is it an llmlb node?`,
  });
  node.on("GET /api/tags", () => new Response("<h1>Welcome</h1>"));
  expect(await errorOf(client.tags())).toMatchObject({
    code: "corrupt",
    message: `${node.host} answered /api/tags with something that is not JSON; is it an llmlb node?`,
  });
  node.on("POST /api/show", () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } }));
  expect((await errorOf(client.show("m"))).message).toBe(`${node.host} answered 302 Found to /api/show`);
});

test("nobody there is a connection error, 2", async () => {
  await node[Symbol.asyncDispose]();
  expect(await errorOf(client.tags())).toEqual({
    code: "connection",
    message: `cannot connect to the llmlb node at ${node.host}; start it with "llmlb node serve"`,
    exitCode: 2,
  });
  const unknown = createClient({ baseUrl: "http://no-such-host.invalid:32769" });
  expect((await errorOf(unknown.tags())).message).toContain("at no-such-host.invalid:32769; start it");
});

test("a stream without its final record, cut or ended cleanly, is a lost connection", async () => {
  const message = `connection to ${node.host} was lost in the middle of the answer`;
  node.on("POST /api/chat", () => ndjson(chatRecords(["half"]).slice(0, 1)));
  expect(await errorOf(collect(client.chat(question)))).toEqual({ code: "connection", message, exitCode: 2 });
  using raw = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, data) {
        if (data.toString().includes("/api/tags")) socket.terminate();
        else socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"mes');
      },
    },
  });
  const broken = createClient({ baseUrl: `http://127.0.0.1:${raw.port}` });
  const lost = { code: "connection", message: message.replace(node.host, broken.host), exitCode: 2 } as const;
  expect(await errorOf(collect(broken.chat(question)))).toEqual(lost);
  expect(await errorOf(broken.tags())).toEqual(lost);
});

test("an aborted signal is `cancelled` and reaches the server, before and in the middle of an answer", async () => {
  const left = Promise.withResolvers<void>();
  node.on("POST /api/chat", ({ signal }) => {
    signal.addEventListener("abort", () => left.resolve());
    return ndjson([chatRecords(["a"])[0], new Promise(() => undefined)]);
  });
  const controller = new AbortController();
  const reading = (async () => {
    for await (const _record of client.chat(question, controller.signal)) controller.abort();
  })();
  expect((await errorOf(reading)).code).toBe("cancelled");
  await left.promise;
  expect((await errorOf(client.tags(AbortSignal.abort()))).code).toBe("cancelled");
});

test("leaving a stream's loop ends the request", async () => {
  const left = Promise.withResolvers<void>();
  node.on("POST /api/chat", ({ signal }) => {
    signal.addEventListener("abort", () => left.resolve());
    return ndjson([chatRecords(["a"])[0], new Promise(() => undefined)]);
  });
  for await (const _record of client.chat(question)) break;
  await left.promise;
});

test("the default idle timeout is off, loopback goes round any proxy, redirects are not followed", async () => {
  const seen: BunFetchRequestInit[] = [];
  const fake = async (_url: string, init: BunFetchRequestInit) => {
    seen.push(init);
    return Response.json({ models: [] });
  };
  await createClient({ baseUrl: "http://127.0.0.1:1", fetch: fake }).tags();
  await createClient({ baseUrl: "http://[::1]:1", fetch: fake }).tags();
  await createClient({ baseUrl: "https://gpu.example/llm", fetch: fake }).tags();
  expect(seen).toMatchObject([
    { timeout: false, proxy: false, redirect: "manual" },
    { timeout: false, proxy: false },
    { timeout: false },
  ]);
  expect(seen[2]?.proxy).toBeUndefined();
});

test("an https or sub-path address is shown whole", () => {
  expect(createClient({ baseUrl: "https://gpu.example:443/llm" }).host).toBe("https://gpu.example:443/llm");
  expect(createClient({ baseUrl: "http://10.0.0.1:80/llm" }).host).toBe("10.0.0.1:80/llm");
});

test("a silent host is probed after a while: given up when nobody is there, waited for otherwise", async () => {
  const clock = manualClock();
  const silence = new Promise(() => undefined);
  const gaveUp: unknown[] = [];
  const url = new URL("http://gpu:1");
  watchConnect(
    url,
    silence,
    (cause) => gaveUp.push(cause),
    async () => undefined,
    clock,
  );
  watchConnect(
    url,
    Promise.resolve(),
    (cause) => gaveUp.push(cause),
    () => Promise.reject("not asked"),
    clock,
  );
  await clock.advance(60_000);
  expect(gaveUp).toEqual([]);
  watchConnect(
    url,
    silence,
    (cause) => gaveUp.push(cause),
    () => Promise.reject("timed out"),
    clock,
  );
  await clock.advance(2_999);
  expect(gaveUp).toEqual([]);
  await clock.advance(1);
  expect(gaveUp).toEqual(["timed out"]);
});

test("giving up a silent host is a connection error", async () => {
  const asked = Promise.withResolvers<void>();
  const clock = manualClock();
  const client = createClient({
    baseUrl: "http://gpu:1",
    clock,
    probe: () => Promise.reject(new Error("timed out")),
    fetch: (_url, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
        asked.resolve();
      }),
  });
  const result = errorOf(client.tags());
  await asked.promise;
  await clock.advance(3_000);
  expect(await result).toMatchObject({ code: "connection", exitCode: 2 });
});
