import { expect, test } from "bun:test";
import { readLines } from "../../src/client/lines.ts";
import { readNdjson } from "../../src/client/ndjson.ts";
import { readSse, readSseJson } from "../../src/client/sse.ts";
import { AppError } from "../../src/core/errors.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A body whose chunks are exactly `chunks`; `onCancel` hears a reader that leaves. */
const bodyOf = (chunks: readonly Uint8Array[], onCancel?: () => void): ReadableStream<Uint8Array> => {
  const left = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const chunk = left.shift();
      if (chunk) controller.enqueue(chunk);
      else controller.close();
    },
    cancel: () => onCancel?.(),
  });
};

/** The same bytes in chunks of `size`, so that line ends and characters are torn everywhere. */
const torn = (text: string, size: number): ReadableStream<Uint8Array> => {
  const all = bytes(text);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < all.length; at += size) chunks.push(all.subarray(at, at + size));
  return bodyOf(chunks);
};

const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
};

const errorOf = async (action: Promise<unknown>): Promise<AppError> => {
  const error = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AppError)) throw new Error(`expected an AppError, got ${error}`);
  return error;
};

const text = "one\r\n日本語 🦙\n\nlast without an end";

test.each([1, 2, 3, 5, 7, 1000])("lines survive chunks of %i bytes", async (size) => {
  expect(await collect(readLines(torn(text, size)))).toEqual(["one", "日本語 🦙", "", "last without an end"]);
});

test("an empty body has no line, a lone line end has an empty one", async () => {
  expect(await collect(readLines(bodyOf([])))).toEqual([]);
  expect(await collect(readLines(torn("\n", 1)))).toEqual([""]);
});

test("a line longer than the bound is refused before it is gathered, and the stream is cancelled", async () => {
  let sent = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent++;
      controller.enqueue(bytes("x".repeat(100)));
    },
    cancel() {
      cancelled = true;
    },
  });
  const error = await errorOf(collect(readLines(endless, 1000)));
  expect([error.code, error.message]).toEqual(["corrupt", "the server sent a line longer than 1000 characters"]);
  expect(sent).toBeLessThan(15);
  expect(cancelled).toBe(true);
  expect(await collect(readLines(torn("x".repeat(1000), 64), 1000))).toEqual(["x".repeat(1000)]);
});

test("leaving the loop early cancels the stream", async () => {
  let cancelled = false;
  for await (const line of readLines(bodyOf([bytes("a\nb\nc\n"), bytes("d\n")], () => (cancelled = true)))) {
    if (line === "a") break;
  }
  expect(cancelled).toBe(true);
});

test.each([1, 4, 1000])("NDJSON records survive chunks of %i bytes, empty lines are skipped", async (size) => {
  const body = torn('{"a":"ü"}\r\n\n  \n{"a":2}', size);
  expect(await collect(readNdjson<{ a: unknown }>(body))).toEqual([{ a: "ü" }, { a: 2 }]);
});

test("an error record in mid-stream is thrown, with its code when it names one of ours", async () => {
  const seen: unknown[] = [];
  const read = async (line: string) => {
    for await (const record of readNdjson(torn(`{"a":1}\n${line}\n{"a":2}\n`, 9))) seen.push(record);
  };
  const plain = await errorOf(read('{"error":"it\\nbroke"}'));
  expect([plain.code, plain.message]).toEqual(["internal", "it broke"]);
  expect((await errorOf(read('{"error":"full","code":"disk_full"}'))).code).toBe("disk_full");
  expect((await errorOf(read('{"error":{"message":"OpenAI\'s shape","code":"nonsense"}}'))).message).toBe(
    "OpenAI's shape",
  );
  expect(seen).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }]);
});

test("a line that is not JSON is named", async () => {
  const error = await errorOf(collect(readNdjson(torn("<html>\n", 3))));
  expect([error.code, error.message]).toEqual(["corrupt", "the server sent a line that is not JSON: <html>"]);
});

test.each([1, 6, 1000])("SSE events survive chunks of %i bytes", async (size) => {
  const stream =
    ': hello\nevent: greeting\r\ndata: {"a":\ndata:1}\nid: 7\n\ndata: zwei ü\n\nretry: 5\n\ndata\n\ndata: cut off';
  expect(await collect(readSse(torn(stream, size)))).toEqual([
    { event: "greeting", data: '{"a":\n1}' },
    { event: "message", data: "zwei ü" },
    { event: "message", data: "" },
  ]);
});

test("an SSE event larger than the bound is refused, also when its lines are short", async () => {
  const lines = "data: 0123456789\n".repeat(20);
  const error = await errorOf(collect(readSse(torn(lines, 50), 100)));
  expect(error.message).toBe("the server sent an event longer than 100 characters");
});

const lost = () => new AppError("connection", "lost");

test("an OpenAI stream ends with [DONE] and nothing less", async () => {
  const whole = 'data: {"n":1}\n\ndata: [DONE]\n\ndata: {"n":2}\n\n';
  expect(await collect(readSseJson(torn(whole, 5), lost))).toEqual([{ n: 1 }]);
  expect((await errorOf(collect(readSseJson(torn('data: {"n":1}\n\n', 5), lost)))).message).toBe("lost");
  const failed = 'data: {"n":1}\n\ndata: {"error":{"message":"out of memory"}}\n\n';
  expect((await errorOf(collect(readSseJson(torn(failed, 5), lost)))).message).toBe("out of memory");
  expect((await errorOf(collect(readSseJson(torn("data: {\n\n", 5), lost)))).code).toBe("corrupt");
});

test("lines without text are counted too: an event of nothing but their ends is refused", async () => {
  const error = await errorOf(collect(readSse(torn("data:\n".repeat(200), 50), 100)));
  expect(error.message).toBe("the server sent an event longer than 100 characters");
});
