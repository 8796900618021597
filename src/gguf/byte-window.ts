import { AppError } from "../core/errors.ts";

/** Something whose bytes can be read at any offset: a file, or bytes in memory. */
export interface ByteSource {
  sizeBytes: number;
  /** Reads up to `into.length` bytes at `offset` and says how many it got; 0 = nothing there. */
  read(into: Uint8Array, offset: number): number | Promise<number>;
}

/** A parser yields how many bytes it needs next; whoever drives it calls `fill` and resumes it. */
export type Parsing<T> = Generator<number, T, void>;

const chunkBytes = 256 * 1024; // holds the header of a model without a big vocabulary; larger was not faster

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Text from a file as an error message may show it: one line, not long. */
export const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);

/**
 * A moving window over the first bytes of a source. `need` is checked against the rest of the file before anything is allocated,
 * so that a length inside a hostile file can ask for no more memory than the file has bytes.
 */
export class ByteWindow {
  readonly sizeBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** File offset of the window's first byte. */
  #base = 0;
  #cursor = 0;
  readonly #label: string;
  readonly #headerBytesMax: number;

  constructor(sizeBytes: number, label: string, headerBytesMax: number) {
    this.sizeBytes = sizeBytes;
    this.#label = label;
    this.#headerBytesMax = headerBytesMax;
  }

  /** File offset of the next byte. */
  get offset(): number {
    return this.#base + this.#cursor;
  }

  /** Bytes of the file from here to its end. */
  get remainingBytes(): number {
    return this.sizeBytes - this.offset;
  }

  /** Whether `bytes` can be taken without a read. */
  has(bytes: number): boolean {
    return this.#cursor + bytes <= this.#bytes.length;
  }

  /** Throws `corrupt`: `what` is wrong, at the present offset of the file. */
  fail(what: string): never {
    throw new AppError("corrupt", `${this.#label} is not a usable GGUF file: ${what} (at byte ${this.offset})`);
  }

  /** Makes `bytes` available; throws `corrupt` when the file ends before, or when the header would grow past its bound. */
  *need(bytes: number, what: string): Parsing<void> {
    if (this.has(bytes)) return;
    this.check(bytes, what);
    yield bytes;
    if (!this.has(bytes)) this.fail(`the file ends inside ${what}`);
  }

  /** Throws `corrupt` unless the file and the header's bound have room for `bytes` more. */
  check(bytes: number, what: string): void {
    if (bytes > this.remainingBytes) this.fail(`the file ends inside ${what}`);
    if (this.offset + bytes > this.#headerBytesMax)
      this.fail(`its header is longer than ${this.#headerBytesMax} bytes`);
  }

  /** Reads ahead so that `bytes` are available, dropping what is behind the cursor. Stops at the end of the source. */
  async fill(source: ByteSource, bytes: number): Promise<void> {
    const room = this.#makeRoom(bytes);
    let filled = this.#bytes.length;
    while (filled < room.length) {
      const count = await source.read(room.subarray(filled), this.#base + filled);
      if (count === 0) break;
      filled += count;
    }
    this.#bytes = room.subarray(0, filled);
    this.#view = new DataView(room.buffer, 0, filled);
  }

  /** The window's bytes moved to the front of a buffer that holds `bytes` at least. */
  #makeRoom(bytes: number): Uint8Array {
    const kept = this.#bytes.subarray(this.#cursor);
    this.#base += this.#cursor;
    this.#cursor = 0;
    const room = new Uint8Array(Math.min(Math.max(bytes, chunkBytes), this.sizeBytes - this.#base));
    room.set(kept);
    this.#bytes = room.subarray(0, kept.length);
    return room;
  }

  /** Moves over `bytes` that may be outside the window; the caller has checked them. */
  skip(bytes: number): void {
    this.#cursor += bytes;
    if (this.#cursor <= this.#bytes.length) return;
    this.#base += this.#cursor;
    this.#cursor = 0;
    this.#bytes = new Uint8Array(0);
  }

  uint8 = (): number => this.#view.getUint8(this.#take(1));
  int8 = (): number => this.#view.getInt8(this.#take(1));
  uint16 = (): number => this.#view.getUint16(this.#take(2), true);
  int16 = (): number => this.#view.getInt16(this.#take(2), true);
  uint32 = (): number => this.#view.getUint32(this.#take(4), true);
  int32 = (): number => this.#view.getInt32(this.#take(4), true);
  uint64 = (): bigint => this.#view.getBigUint64(this.#take(8), true);
  int64 = (): bigint => this.#view.getBigInt64(this.#take(8), true);
  float32 = (): number => this.#view.getFloat32(this.#take(4), true);
  float64 = (): number => this.#view.getFloat64(this.#take(8), true);

  /** A 64-bit length or count, 8 bytes that the caller has made available. Throws `corrupt` when it is above `max`. */
  length(what: string, max: number): number {
    const low = this.uint32();
    const length = this.uint32() * 2 ** 32 + low; // rounded above 2^53, which is above every bound
    if (length > max) this.fail(`${what} is ${length}, the most is ${max}`);
    return length;
  }

  /** A string with its length before it, of `bytesMax` bytes at most. Throws `corrupt`. */
  *string(what: string, bytesMax: number): Parsing<string> {
    yield* this.need(8, what);
    const bytes = this.length(`the length of ${what}`, bytesMax);
    yield* this.need(bytes, what);
    return this.text(bytes);
  }

  /** `bytes` as UTF-8 text; broken sequences become U+FFFD, as some vocabularies hold them. */
  text(bytes: number): string {
    const start = this.#take(bytes);
    return decoder.decode(this.#bytes.subarray(start, start + bytes));
  }

  #take(bytes: number): number {
    const start = this.#cursor;
    this.#cursor += bytes;
    return start;
  }
}
