import { expect, test } from "bun:test";
import { isSignedWhole } from "../../scripts/build/mach-o.ts";

const pageBytes = 4096;
const hashBytes = 32;
const directoryBytes = 44;
const indexBytes = 20;

/** An executable of two pages and a bit, signed as Bun and Apple's linker do it: one code directory of SHA-256 hashes. */
const signedFile = (codeBytes = 2 * pageBytes + 100, signedBytes = codeBytes): Uint8Array => {
  const pages = Math.ceil(signedBytes / pageBytes);
  const file = new Uint8Array(codeBytes + indexBytes + directoryBytes + pages * hashBytes).fill(7, 64, codeBytes);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xfeedfacf, true);
  view.setUint32(16, 2, true); // load commands
  view.setUint32(32, 0x19, true); // a segment, of eight bytes
  view.setUint32(36, 8, true);
  view.setUint32(40, 0x1d, true); // the signature
  view.setUint32(44, 16, true);
  view.setUint32(48, codeBytes, true);
  view.setUint32(codeBytes, 0xfade0cc0);
  view.setUint32(codeBytes + 8, 1);
  view.setUint32(codeBytes + 16, indexBytes);
  const directory = codeBytes + indexBytes;
  view.setUint32(directory, 0xfade0c02);
  view.setUint32(directory + 16, directoryBytes);
  view.setUint32(directory + 28, pages);
  view.setUint32(directory + 32, signedBytes);
  file.set([hashBytes, 2, 0, Math.log2(pageBytes)], directory + 36);
  for (let page = 0; page < pages; page++) {
    const bytes = file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, signedBytes));
    const hash = new Bun.CryptoHasher("sha256").update(bytes).digest();
    file.set(hash, directory + directoryBytes + page * hashBytes);
  }
  return file;
};

test("a signature fits as long as no byte before it has changed", () => {
  expect(isSignedWhole(signedFile())).toBe(true);
  for (const at of [70, pageBytes, 2 * pageBytes + 99]) {
    const file = signedFile();
    file[at] = 8;
    expect(isSignedWhole(file)).toBe(false);
  }
});

test("bytes behind those that are signed are not signed, as in what Bun makes for Intel Macs", () => {
  expect(isSignedWhole(signedFile(2 * pageBytes + 100, pageBytes))).toBe(false);
});

test("a file without a signature, and one that is no Mach-O", () => {
  const unsigned = signedFile();
  unsigned[40] = 0x1e; // another load command
  expect(isSignedWhole(unsigned)).toBe(false);
  expect(() => isSignedWhole(new Uint8Array(100))).toThrow("not a 64-bit Mach-O file");
});
