import { expect, test } from "bun:test";
import { readLines } from "../../src/client/lines.ts";
import { readNdjson } from "../../src/client/ndjson.ts";
import { errorOfResponse, findServerError } from "../../src/client/server-error.ts";
import { readSse, readSseJson } from "../../src/client/sse.ts";
import { AppError } from "../../src/core/errors.ts";
import { createWholeLines } from "../../src/router/proxy/whole-lines.ts";
import { collect } from "../fakes/streams.ts";
import { allowed, anyJson, changedBytes, cutAt, fc, fuzzTimeoutMs, holds, nastyText, someCuts } from "./fuzz.ts";

const bodyOf = (pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

const encode = (text: string) => new TextEncoder().encode(text);
const oneLine = fc.string({ unit: "grapheme", maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, ""));

test(
  "lines are the same however their bytes come in",
  () =>
    holds(
      fc.tuple(fc.array(oneLine, { maxLength: 6 }), someCuts, fc.constantFrom("\n", "\r\n")),
      async ([lines, cuts, end]) => {
        const bytes = encode(lines.map((line) => line + end).join(""));
        expect(await collect(readLines(bodyOf(cutAt(bytes, cuts))))).toEqual(lines);
      },
    ),
  fuzzTimeoutMs,
);

test(
  "records are the same however their bytes come in",
  () =>
    holds(fc.tuple(fc.array(fc.jsonValue(), { maxLength: 5 }), someCuts), async ([values, cuts]) => {
      const records = values.map((value) => ({ value }));
      const ndjson = encode(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
      expect(await collect(readNdjson<unknown>(bodyOf(cutAt(ndjson, cuts))))).toEqual(
        JSON.parse(JSON.stringify(records)),
      );
      const sse = encode(
        `${records.map((record) => `data: ${JSON.stringify(record)}\n\n`).join(": x\n\n")}data: [DONE]\n\n`,
      );
      const lost = () => new AppError("connection", "lost");
      expect(await collect(readSseJson<unknown>(bodyOf(cutAt(sse, cuts)), lost))).toEqual(
        JSON.parse(JSON.stringify(records)),
      );
    }),
  fuzzTimeoutMs,
);

const someStream = encode(
  `event: a\r\nid: 1\ndata: {"error":{"message":"x","code":"busy"}}\n\ndata: ü\ndata:\n\n{"a":1}\n{"error":"y"}\n: z\n\ndata: [DONE]\n\n`,
);

test(
  "any bytes are records or an error, the same however they come in, and no more of them is kept than the bound allows",
  () =>
    holds(
      fc.tuple(fc.oneof(changedBytes(someStream), fc.uint8Array({ maxLength: 300 })), someCuts),
      async ([bytes, cuts]) => {
        const boundChars = 100;
        const read = async (pieces: Uint8Array[]) => {
          const events = await allowed(() => collect(readSse(bodyOf(pieces), boundChars)));
          const lines = await allowed(() => collect(readLines(bodyOf(pieces), boundChars)));
          await allowed(() => collect(readNdjson(bodyOf(pieces), boundChars)));
          for (const { data } of events ?? []) expect(data.length).toBeLessThanOrEqual(boundChars);
          for (const line of lines ?? []) expect(line.length).toBeLessThanOrEqual(boundChars);
          return { events, lines };
        };
        expect(await read(cutAt(bytes, cuts))).toEqual(await read([bytes]));
      },
    ),
  fuzzTimeoutMs,
);

test(
  "what a server says of an error is one line of bounded length",
  () =>
    holds(fc.tuple(anyJson, fc.integer({ min: 200, max: 599 }), nastyText), async ([body, status, text]) => {
      const place = { host: "host", path: "/api" };
      for (const record of [body, { error: body }, { error: { message: body, code: body } }]) {
        const error = findServerError(record, "connection");
        const answered = await errorOfResponse(new Response(null, { status }), text, place);
        for (const one of [error, answered])
          if (one) {
            expect(one.message.length).toBeLessThan(2_100);
            expect(one.message).not.toMatch(/[\r\n]/);
          }
      }
    }),
  fuzzTimeoutMs,
);

test(
  "the router lets every byte of a stream through, in whole lines",
  () =>
    holds(fc.tuple(changedBytes(someStream), someCuts), ([bytes, cuts]) => {
      const lines = createWholeLines();
      const out: Uint8Array[] = [];
      for (const piece of cutAt(bytes, cuts)) {
        const whole = lines.push(piece);
        if (whole) expect(whole.at(-1)).toBe(10);
        if (whole) out.push(whole);
      }
      const rest = lines.rest();
      if (rest) out.push(rest);
      expect(Buffer.concat(out).equals(bytes)).toBe(true);
    }),
  fuzzTimeoutMs,
);
