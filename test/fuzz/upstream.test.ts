import { afterAll, beforeAll, expect, test } from "bun:test";
import { systemClock } from "../../src/core/clock.ts";
import { createResponseParser, type ResponseHead } from "../../src/router/proxy/response-parser.ts";
import { createUpstream, type Upstream } from "../../src/router/proxy/upstream.ts";
import { answerHeaders } from "../../src/router/proxy/upstream-headers.ts";
import { type RawServer, rawServer } from "../fakes/raw-server.ts";
import { allowed, changedBytes, cutAt, fc, fuzzTimeoutMs, holds, someCuts } from "./fuzz.ts";

interface Parsed {
  heads: ResponseHead[];
  body: string;
  ended: boolean;
  /** Absent = it was refused. */
  whole?: boolean;
}

/** What the parser makes of an answer; as much of it as came before it was refused. */
const parse = async (pieces: readonly Uint8Array[]): Promise<Parsed> => {
  const seen: Parsed = { heads: [], body: "", ended: false };
  const parser = createResponseParser({
    head: (head) => void seen.heads.push(head),
    bytes: (piece) => {
      expect(seen.heads).toHaveLength(1);
      expect(seen.ended).toBe(false);
      seen.body += Buffer.from(piece).toString("latin1");
    },
    end: () => {
      expect(seen.ended).toBe(false);
      seen.ended = true;
    },
  });
  const whole = await allowed(() => {
    for (const piece of pieces) parser.push(piece);
    return parser.close();
  });
  return { ...seen, ...(whole !== undefined && { whole }) };
};

const token = fc.constantFrom("x-a", "Content-Type", "X-B", "set-cookie", "connection", "date");
const headerValue = fc.constantFrom("", "a", "text/event-stream", "close", "x, y", "äö");
const extraHeaders = fc
  .array(fc.tuple(token, headerValue), { maxLength: 4 })
  .map((headers) => headers.map(([name, value]) => `${name}: ${value}\r\n`).join(""));

const chunked = (pieces: readonly Uint8Array[], trailer: string): Buffer =>
  Buffer.concat([
    ...pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)};x=y\r\n`), piece, Buffer.from("\r\n")]),
    Buffer.from(`0\r\n${trailer}\r\n`),
  ]);

/** An answer as servers write it, in each of the three framings, and its body. */
const wellFormed = fc
  .record({
    status: fc.constantFrom(200, 404, 503, 599),
    headers: extraHeaders,
    body: fc.uint8Array({ maxLength: 100 }),
    cuts: fc.array(fc.nat(), { maxLength: 5 }),
    framing: fc.constantFrom("length", "chunked", "close"),
    informational: fc.boolean(),
  })
  .map(({ status, headers, body, cuts, framing, informational }) => {
    const framed = {
      length: () => [`content-length: ${body.length}\r\n`, body] as const,
      chunked: () => ["Transfer-Encoding: Chunked\r\n", chunked(cutAt(body, cuts), headers)] as const,
      close: () => ["", body] as const,
    }[framing]();
    const before = informational ? "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" : "";
    const head = Buffer.from(`${before}HTTP/1.1 ${status} Some reason\r\n${headers}${framed[0]}\r\n`, "latin1");
    return { bytes: Buffer.concat([head, framed[1]]), body, status };
  });

test(
  "an answer is read whole in any pieces",
  () =>
    holds(fc.tuple(wellFormed, someCuts), async ([{ bytes, body, status }, cuts]) => {
      const read = await parse(cutAt(bytes, cuts));
      expect(read).toMatchObject({ whole: true, ended: true, body: Buffer.from(body).toString("latin1") });
      expect(read.heads[0]?.status).toBe(status);
    }),
  fuzzTimeoutMs,
);

/** Pieces of heads that have smuggled requests and answers through proxies. */
const smuggling = [
  ...["content-length: 5\r\n", "content-length: 6\r\n", "Content-Length: +5\r\n", "content-length: 5, 5\r\n"],
  ...["transfer-encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "transfer-encoding : chunked\r\n"],
  ...[
    "transfer-encoding: chunked, gzip\r\n",
    " folded: value\r\n",
    "\tx\r\n",
    "x: a\nb: c\r\n",
    "x: a\rb\r\n",
    "x: \0\r\n",
  ],
  ...["connection: keep-alive, close\r\n", "content-length: 0x5\r\n", "content-length: 99999999999999999999\r\n"],
  ...[
    ":\r\n",
    "no colon\r\n",
    "x: y\r\n".repeat(400),
    `x: ${"y".repeat(70_000)}\r\n`,
    "ü: x\r\n",
    "content-length:\r\n",
  ],
];
const statusLines = [
  ...[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 304 x\r\n",
    "HTTP/1.1 999 x\r\n",
  ],
  ...[
    "HTTP/1.1 000 x\r\n",
    "HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200\r\n",
    "HTTP/2 200\r\n",
    "ICY 200 OK\r\n",
    "\r\n",
  ],
];
const bodies = [
  "hello",
  "5\r\nhello\r\n0\r\n\r\n",
  "FFFFFFFFFFFF\r\nx",
  "-5\r\nx",
  "5 \r\nhello\r\n0\r\n\r\n",
  "5\nhello",
  "5\r\nhello!\r\n",
  "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
];

const hostile = fc
  .tuple(
    fc.constantFrom(...statusLines),
    fc.array(fc.constantFrom(...smuggling), { maxLength: 4 }),
    fc.constantFrom(...bodies),
  )
  .map(([line, headers, body]) => Buffer.from(`${line}${headers.join("")}\r\n${body}`, "latin1"));

const anyAnswer = fc.oneof(
  hostile,
  hostile.chain((bytes) => changedBytes(bytes, 400)),
  wellFormed.chain(({ bytes }) => changedBytes(bytes)),
  fc.uint8Array({ maxLength: 200 }),
);

test(
  "any bytes are an answer or refused, the same in any pieces, and what is an answer can be passed on",
  () =>
    holds(
      fc.tuple(anyAnswer, someCuts),
      async ([bytes, cuts]) => {
        const read = await parse(cutAt(bytes, cuts));
        expect(read).toEqual(await parse([bytes]));
        expect(read.body.length).toBeLessThanOrEqual(bytes.length);
        for (const head of read.heads) new Response(null, { status: head.status, headers: answerHeaders(head) });
      },
      { runs: 400 },
    ),
  fuzzTimeoutMs,
);

let server: RawServer;
let upstream: Upstream;
let next: { pieces: Uint8Array[]; end: "close" | "reset" | "silence" };
beforeAll(async () => {
  server = await rawServer(async (socket) => {
    const { pieces, end } = next;
    for (const piece of pieces) await new Promise((resolve) => socket.write(piece, resolve));
    if (end === "reset") socket.resetAndDestroy();
    else socket.end();
  });
  upstream = createUpstream({ clock: systemClock });
});
afterAll(async () => {
  upstream.close();
  await server[Symbol.asyncDispose]();
});

test(
  "over a real connection every answer ends, whole or with an error",
  () =>
    holds(
      fc.tuple(anyAnswer, fc.array(fc.nat(), { maxLength: 4 }), fc.constantFrom("close", "reset")),
      async ([bytes, cuts, end]) => {
        next = { pieces: cutAt(bytes, cuts), end };
        const request = { base: server.url, method: "GET", path: "/", headers: [] };
        await allowed(async () => {
          const answer = await upstream.send(request, new AbortController().signal);
          while (await answer.body.read());
        });
      },
      { runs: 60 },
    ),
  fuzzTimeoutMs,
);
