import { AppError } from "../../core/errors.ts";

/** The status line and headers of a node's answer. */
export interface ResponseHead {
  readonly status: number;
  /** Names in lower case, in their order; a name may come again. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The connection may be used again when the body is here in full. */
  readonly reusable: boolean;
}

/** What the parser tells, in this order. */
export interface ParserSink {
  head(head: ResponseHead): void;
  /** A piece of the body, without its framing. */
  bytes(piece: Uint8Array): void;
  end(): void;
}

export interface ResponseParser {
  /** Throws `corrupt` for what is no HTTP/1.1 answer; nothing more may be pushed then. */
  push(received: Uint8Array): void;
  /** The connection has ended. True = that was the proper end of the body. */
  close(): boolean;
}

const headMaxBytes = 64 * 1024; // as much as llama-server's and Node's clients take at the most; more is an attack
const lineMaxBytes = 4096; // of a chunk's size with its extensions, and of a trailer

type State = "head" | "fixed" | "size" | "data" | "dataEnd" | "trailer" | "untilClose" | "done";

/** Where the parser is. */
interface Progress {
  readonly sink: ParserSink;
  state: State;
  /** Of an unfinished head or line. */
  rest: Uint8Array | undefined;
  /** Bytes of the body, or of the chunk, that are still to come. */
  left: number;
}

/** Parses one answer to a request with a body or a GET (RFC 9112), as it comes. Informational answers (1xx) are skipped. */
export const createResponseParser = (sink: ParserSink): ResponseParser => {
  const progress: Progress = { sink, state: "head", rest: undefined, left: 0 };
  return {
    push(received) {
      let bytes: Uint8Array | undefined = progress.rest ? Buffer.concat([progress.rest, received]) : received;
      progress.rest = undefined;
      while (bytes && bytes.length > 0) bytes = steps[progress.state](bytes, progress);
    },
    close() {
      if (progress.state === "untilClose") finish(progress);
      return progress.state === "done";
    },
  };
};

/** What each state makes of the bytes; returns those that it leaves to the next. */
const steps: Record<State, (bytes: Uint8Array, progress: Progress) => Uint8Array | undefined> = {
  head(bytes, progress) {
    const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf("\r\n\r\n");
    if (end < 0) return keep(progress, bytes, headMaxBytes, "head");
    if (end > headMaxBytes) throw broken("its head is too large");
    const head = parseHead(bytes.subarray(0, end));
    const after = bytes.subarray(end + 4);
    if (head.status < 200) return after;
    const framing = framingOf(head);
    Object.assign(progress, framing);
    progress.sink.head({ ...head, reusable: head.reusable && framing.state !== "untilClose" });
    if (framing.state === "fixed" && framing.left === 0) finish(progress);
    return after;
  },
  fixed(bytes, progress) {
    const after = take(progress, bytes);
    if (progress.left === 0) finish(progress);
    return after;
  },
  size(bytes, progress) {
    const end = lineEnd(bytes);
    if (end < 0) return keep(progress, bytes, lineMaxBytes, "chunk size");
    progress.left = parseSize(latin1(bytes.subarray(0, end)));
    progress.state = progress.left === 0 ? "trailer" : "data";
    return bytes.subarray(end + 2);
  },
  data(bytes, progress) {
    const after = take(progress, bytes);
    if (progress.left === 0) progress.state = "dataEnd";
    return after;
  },
  dataEnd(bytes, progress) {
    if (bytes.length < 2) return keep(progress, bytes, lineMaxBytes, "chunk");
    if (bytes[0] !== 13 || bytes[1] !== 10) throw broken("a chunk is longer than it says");
    progress.state = "size";
    return bytes.subarray(2);
  },
  trailer(bytes, progress) {
    const end = lineEnd(bytes);
    if (end < 0) return keep(progress, bytes, lineMaxBytes, "trailer");
    if (end === 0) finish(progress);
    return bytes.subarray(end + 2);
  },
  untilClose(bytes, { sink }) {
    sink.bytes(bytes);
    return undefined;
  },
  done() {
    throw broken("it goes on after its end");
  },
};

const finish = (progress: Progress): void => {
  progress.state = "done";
  progress.sink.end();
};

/** Passes on what belongs to the body, or the chunk. */
const take = (progress: Progress, bytes: Uint8Array): Uint8Array => {
  const piece = Math.min(progress.left, bytes.length);
  progress.left -= piece;
  progress.sink.bytes(piece === bytes.length ? bytes : bytes.subarray(0, piece));
  return bytes.subarray(piece);
};

const keep = (progress: Progress, bytes: Uint8Array, maxBytes: number, what: string): undefined => {
  if (bytes.length > maxBytes) throw broken(`its ${what} is too large`);
  progress.rest = bytes;
};

const broken = (why: string) => new AppError("corrupt", `the node's answer is no HTTP/1.1: ${why}`);

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

/** Where a line ends, or -1. */
const lineEnd = (bytes: Uint8Array): number => {
  const end = bytes.indexOf(10);
  if (end < 0) return -1;
  if (bytes[end - 1] !== 13) throw broken("a line ends without a carriage return");
  return end - 1;
};

const parseSize = (line: string): number => {
  const [, size] = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
  if (size === undefined) throw broken("a chunk has no size");
  return Number.parseInt(size, 16);
};

const parseHead = (bytes: Uint8Array): ResponseHead => {
  const [first = "", ...lines] = latin1(bytes).split("\r\n");
  const [, minor, status] = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/.exec(first) ?? [];
  if (status === undefined) throw broken("it has no status line");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw broken("a header has no name");
    return [name.toLowerCase(), line.slice(colon + 1).trim()];
  });
  const connection = valuesOf(headers, "connection").join(",").toLowerCase();
  return {
    status: Number(status),
    headers,
    reusable: minor === "1" ? !connection.includes("close") : connection.includes("keep-alive"),
  };
};

const valuesOf = (headers: ResponseHead["headers"], wanted: string): string[] =>
  headers.filter(([name]) => name === wanted).map(([, value]) => value);

/** How the end of the body is told. What could be read in two ways is refused. */
const framingOf = ({ status, headers }: ResponseHead): { state: State; left: number } => {
  if (status === 204 || status === 304) return { state: "fixed", left: 0 };
  const codings = valuesOf(headers, "transfer-encoding");
  const lengths = new Set(valuesOf(headers, "content-length"));
  if (codings.length > 0) {
    if (codings.join(",").trim().toLowerCase() !== "chunked") throw broken("its transfer encoding is not known");
    if (lengths.size > 0) throw broken("it has two lengths");
    return { state: "size", left: 0 };
  }
  const [length] = lengths;
  if (length === undefined) return { state: "untilClose", left: 0 };
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) throw broken("its length is not a number");
  return { state: "fixed", left: Number(length) };
};
