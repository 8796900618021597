/** Apple's constants: mach-o/loader.h, and cs_blobs.h of XNU, whose fields are big-endian. */
const magic64 = 0xfeedfacf;
const signatureCommand = 0x1d;
const headerBytes = 32;
const codeDirectory = 0xfade0c02;
const sha256Type = 2;

const viewOf = (file: Uint8Array): DataView => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < headerBytes || view.getUint32(0, true) !== magic64) throw new Error("not a 64-bit Mach-O file");
  return view;
};

/** Where the signature begins; undefined where the file has none. */
const findSignature = (view: DataView): number | undefined => {
  const commands = view.getUint32(16, true);
  for (let at = headerBytes, index = 0; index < commands; index++, at += view.getUint32(at + 4, true))
    if (view.getUint32(at, true) === signatureCommand) return view.getUint32(at + 8, true);
  return undefined;
};

/** Where, in the signature, the hashes of the pages are described. */
const findCodeDirectory = (view: DataView, signature: number): number => {
  const blobs = Array.from({ length: view.getUint32(signature + 8) }, (_, index) => signature + 12 + index * 8);
  const directory = blobs
    .map((blob) => signature + view.getUint32(blob + 4))
    .find((offset) => view.getUint32(offset) === codeDirectory);
  if (directory === undefined) throw new Error("the signature has no code directory");
  return directory;
};

/**
 * True when every byte before the signature of a 64-bit Mach-O file is as the signature says; false also when there is none. macOS ends a
 * process that touches a page which is not. Throws an Error when the file is something else.
 */
export const isSignedWhole = (file: Uint8Array): boolean => {
  const view = viewOf(file);
  const signature = findSignature(view);
  if (signature === undefined) return false;
  const directory = findCodeDirectory(view, signature);
  const hashes = directory + view.getUint32(directory + 16);
  const pages = view.getUint32(directory + 28);
  const signedBytes = view.getUint32(directory + 32);
  const hashBytes = view.getUint8(directory + 36);
  const pageBytes = 1 << view.getUint8(directory + 39);
  if (view.getUint8(directory + 37) !== sha256Type) throw new Error("the signature has no SHA-256 hashes");
  const isGood = (page: number): boolean => {
    const bytes = file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, signedBytes));
    const found = new Bun.CryptoHasher("sha256").update(bytes).digest().subarray(0, hashBytes);
    return found.equals(file.subarray(hashes + page * hashBytes, hashes + (page + 1) * hashBytes));
  };
  const isWhole = signedBytes === signature && pages === Math.ceil(signedBytes / pageBytes);
  return isWhole && Array.from({ length: pages }, (_, page) => page).every(isGood);
};
