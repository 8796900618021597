import { expect, test } from "bun:test";
import { systemClock } from "../../../src/core/clock.ts";
import { createResponseParser } from "../../../src/router/proxy/response-parser.ts";
import { createUpstream } from "../../../src/router/proxy/upstream.ts";
import { createUpstreamBody } from "../../../src/router/proxy/upstream-body.ts";
import { createWholeLines } from "../../../src/router/proxy/whole-lines.ts";
import { httpsFront } from "../../fakes/https-front.ts";
import { manualClock } from "../../fakes/manual-clock.ts";
import { jsonAnswer, rawServer } from "../../fakes/raw-server.ts";

/** What the parser makes of an answer that comes in pieces of this size. */
const parse = (text: string, size = text.length) => {
  const seen = { status: 0, reusable: false, body: "", ended: false };
  const parser = createResponseParser({
    head: ({ status, reusable }) => Object.assign(seen, { status, reusable }),
    bytes: (piece) => {
      seen.body += Buffer.from(piece).toString();
    },
    end: () => {
      seen.ended = true;
    },
  });
  for (let at = 0; at < text.length; at += size) parser.push(Buffer.from(text.slice(at, at + size)));
  const whole = parser.close();
  return { ...seen, whole };
};

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

test.each([
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true],
  ["chunks, extensions and a trailer", `${chunked}2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx: y\r\n\r\n`, true],
  [
    "informational answers before",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    true,
  ],
  ["an end by closing", "HTTP/1.1 200 OK\r\n\r\nhello", false],
  ["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", false],
  ["connection: close", "HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 5\r\n\r\nhello", false],
])("an answer with %s, in pieces of any size", (_name, text, reusable) => {
  for (const size of [text.length, 1, 2, 7])
    expect(parse(text, size)).toEqual({ status: 200, reusable, body: "hello", ended: true, whole: true });
});

test("an answer without a body, and one that is cut", () => {
  expect(parse("HTTP/1.1 204 No Content\r\n\r\n")).toMatchObject({ ended: true, reusable: true });
  expect(parse("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel").whole).toBe(false);
  expect(parse(`${chunked}5\r\nhello\r\n`).whole).toBe(false);
});

test.each([
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"],
  ["a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"],
  ["another coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"],
  ["a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n"],
  ["a header without a colon", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nhello\r\n\r\n"],
  ["a folded header", "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"],
  ["a header with a line feed alone", "HTTP/1.1 200 OK\r\na: b\nset-cookie: c\r\n\r\n"],
  ["a header with a zero", "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n"],
  ["a status that HTTP does not have", "HTTP/1.1 999 Denied\r\ncontent-length: 0\r\n\r\n"],
  ["no status", "HTTP/1.1 000 Nothing\r\n\r\n"],
  ["a chunk without a size", `${chunked}hello\r\n`],
  ["a chunk that is longer than it says", `${chunked}2\r\nhello\r\n`],
  ["more than its body", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello"],
  ["no end of its head", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`],
])("an answer with %s is refused", (_name, text) => {
  expect(() => parse(text)).toThrow("the node's answer is no HTTP/1.1");
});

test("whole lines go through, the rest waits", () => {
  const lines = createWholeLines();
  const push = (text: string) => {
    const out = lines.push(Buffer.from(text));
    return [out && Buffer.from(out).toString(), lines.atBlank];
  };
  expect(push("data: a")).toEqual([undefined, true]);
  expect(push("b\n")).toEqual(["data: ab\n", false]);
  expect(push("\nda")).toEqual(["\n", true]);
  expect(push("ta: c\r\n\r\nx")).toEqual(["data: c\r\n\r\n", true]);
  expect(Buffer.from(lines.rest() ?? "").toString()).toBe("x");
  expect(lines.rest()).toBeUndefined();
});

const get = (base: string) => ({ base, method: "GET", path: "/x", headers: [] });
const never = new AbortController().signal;

test("connections are used again, and closed when they have been idle", async () => {
  const clock = manualClock();
  await using server = await rawServer((socket) => socket.write(jsonAnswer({})));
  const upstream = createUpstream({ clock });
  for (let times = 0; times < 3; times++) {
    const { body } = await upstream.send(get(server.url), never);
    while (await body.read());
  }
  expect(server.connections).toBe(1);
  await clock.advance(4_000);
  const { body } = await upstream.send(get(`${server.url}/prefix`), never);
  while (await body.read());
  expect(server.connections).toBe(2);
  expect(server.requests.at(-1)).toStartWith("GET /prefix/x HTTP/1.1\r\n");
  upstream.close();
});

test("a connection is not left asleep when an answer has ended that nobody has read yet", () => {
  const calls: string[] = [];
  const note = (call: string) => () => void calls.push(call);
  const inlet = createUpstreamBody({ pause: note("pause"), resume: note("resume"), cancel: note("cancel") });
  inlet.push(new Uint8Array(100_000));
  expect(calls).toEqual(["pause"]);
  inlet.end(); // from now on the connection carries other answers
  expect(calls).toEqual(["pause", "resume"]);
  inlet.body.cancel();
  expect(calls).toEqual(["pause", "resume"]);
});

test("a header with a line break in it is not sent", async () => {
  const upstream = createUpstream({ clock: systemClock });
  const request = { ...get("http://127.0.0.1:1"), headers: [["a", "b\r\nc: d"]] as const };
  await expect(upstream.send(request, never)).rejects.toThrow("a header has a line break in it");
});

test("over TLS; a certificate that nobody vouches for is refused", async () => {
  const upstream = createUpstream({ clock: systemClock });
  using front = httpsFront(() => new Response("hello"));
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "1";
  await expect(upstream.send(get(front.endpoint), never)).rejects.toMatchObject({ code: "connection" });
  upstream.close();
});
