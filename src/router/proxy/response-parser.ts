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
    const received = toBuffer(bytes);
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return keep(progress, bytes, headMaxBytes, "head");
    if (end > headMaxBytes) throw broken("its head is too large");
    const { status, headers, connection, codings, lengths, minor } = parseHead(received.toString("latin1", 0, end));
    const after = end + 4 < bytes.length ? bytes.subarray(end + 4) : undefined;
    if (status < 200) return after;
    const { state, left } = framingOf(status, codings, lengths);
    progress.state = state;
    progress.left = left;
    const kept = minor === "1" ? !connection.includes("close") : connection.includes("keep-alive");
    progress.sink.head({ status, headers, reusable: kept && state !== "untilClose" });
    if (state === "fixed" && left === 0) finish(progress);
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
    progress.left = parseSize(toBuffer(bytes).toString("latin1", 0, end));
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
const take = (progress: Progress, bytes: Uint8Array): Uint8Array | undefined => {
  const piece = Math.min(progress.left, bytes.length);
  progress.left -= piece;
  if (piece < bytes.length) {
    progress.sink.bytes(bytes.subarray(0, piece));
    return bytes.subarray(piece);
  }
  progress.sink.bytes(bytes);
  return undefined;
};

const keep = (progress: Progress, bytes: Uint8Array, maxBytes: number, what: string): undefined => {
  if (bytes.length > maxBytes) throw broken(`its ${what} is too large`);
  progress.rest = bytes;
};

const broken = (why: string) => new AppError("corrupt", `the node's answer is no HTTP/1.1: ${why}`);

/** Bun gives Buffers; a view of one costs more than to ask. */
const toBuffer = (bytes: Uint8Array): Buffer =>
  bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

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

/** A head, and what its headers say of its own body, of which most answers have one line. */
interface ParsedHead extends Omit<ResponseHead, "reusable"> {
  /** Of the version, HTTP/1.x. */
  readonly minor: string;
  connection: string;
  codings: string[];
  lengths: string[];
}

const none: string[] = [];
/** What one reader takes for two headers, and another for one. */
const strayBreak = /\0|\r(?!\n)|(?<!\r)\n/;
const tokenOnly = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const parseHead = (text: string): ParsedHead => {
  let end = lineEndIn(text, 0);
  const [, minor = "", status] = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/.exec(text.slice(0, end)) ?? [];
  if (status === undefined || !/^[1-5]/.test(status)) throw broken("it has no status line");
  if (strayBreak.test(text)) throw broken("a header has a line break in it");
  const headers: [string, string][] = [];
  const head: ParsedHead = { minor, status: Number(status), headers, connection: "", codings: none, lengths: none };
  while (end < text.length) {
    const from = end + 2;
    const colon = text.indexOf(":", from);
    end = lineEndIn(text, from);
    const name = text.slice(from, colon).toLowerCase();
    if (colon <= from || colon > end || !tokenOnly.test(name)) throw broken("a header has no name");
    const value = text.slice(colon + 1, end).trim();
    headers.push([name, value]);
    if (name === "connection") head.connection += `,${value.toLowerCase()}`;
    else if (name === "transfer-encoding") head.codings = [...head.codings, value];
    else if (name === "content-length") head.lengths = [...head.lengths, value];
  }
  return head;
};

const lineEndIn = (text: string, from: number): number => {
  const end = text.indexOf("\r\n", from);
  return end < 0 ? text.length : end;
};

/** How the end of the body is told. What could be read in two ways is refused. */
const framingOf = (
  status: number,
  codings: readonly string[],
  lengths: readonly string[],
): { state: State; left: number } => {
  if (status === 204 || status === 304) return { state: "fixed", left: 0 };
  if (codings.length > 0) {
    if (codings.join(",").trim().toLowerCase() !== "chunked") throw broken("its transfer encoding is not known");
    if (lengths.length > 0) throw broken("it has two lengths");
    return { state: "size", left: 0 };
  }
  const [length] = lengths;
  if (length === undefined) return { state: "untilClose", left: 0 };
  if (lengths.some((other) => other !== length) || !/^\d{1,15}$/.test(length))
    throw broken("its length is not a number");
  return { state: "fixed", left: Number(length) };
};
