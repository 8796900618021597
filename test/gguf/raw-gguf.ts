/** Writes GGUF bytes without any check, for headers that no writer would make. Begins with magic and version 3. */
export class RawGguf {
  #parts: Uint8Array[] = [new TextEncoder().encode("GGUF")];
  #version = 3;

  get bytes(): Uint8Array {
    const [magic = new Uint8Array(0), ...rest] = this.#parts;
    return Buffer.concat([magic, little(4, BigInt(this.#version)), ...rest]);
  }

  version(version: number): this {
    this.#version = version;
    return this;
  }

  counts(tensors: number | bigint, keys: number | bigint): this {
    return this.u64(tensors).u64(keys);
  }

  tensor(name: string, dims: (number | bigint)[], type: number, offset: number): this {
    this.text(name).u32(dims.length);
    for (const dim of dims) this.u64(dim);
    return this.u32(type).u64(offset);
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u64(bytes.length).append(bytes);
  }

  u8(value: number): this {
    return this.append(Uint8Array.of(value));
  }

  u32(value: number): this {
    return this.append(little(4, BigInt(value)));
  }

  u64(value: number | bigint): this {
    return this.append(little(8, BigInt(value)));
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): this {
    return this.append(new Uint8Array((alignment - (this.bytes.length % alignment)) % alignment));
  }

  append(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    return this;
  }
}

const little = (length: number, value: bigint): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
