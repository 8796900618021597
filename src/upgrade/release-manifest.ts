import { AppError } from "../core/errors.ts";
import { isRecord, parseJson } from "../core/json.ts";

export interface ReleaseFile {
  sha256: string;
  sizeBytes: number;
}

/** What a release says of itself, signed: `manifest.json`. */
export interface ReleaseManifest {
  version: string;
  publishedAt: string;
  /** After this it no longer proves that nothing newer is there. */
  expiresAtMs: number;
  files: ReadonlyMap<string, ReleaseFile>;
}

const schema = 1;
const fileMaxBytes = 2 ** 31; // of a file on GitHub's releases
const version = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const fileName = /^[0-9A-Za-z][0-9A-Za-z._+-]*$/;

/** Is it a version that may stand in a path and an address? */
export const isVersion = (text: string): boolean => version.test(text) && text.length <= 64;

/** Throws `corrupt` on what is no manifest, `unsupported` on one that only a newer llmlb understands. */
export const parseManifest = (text: string): ReleaseManifest => {
  const manifest = parseJson(text);
  if (!isRecord(manifest)) return invalid("it is no JSON object");
  if (manifest.schema !== schema)
    throw new AppError(
      "unsupported",
      "this release is described in a way that this llmlb does not know: install it with install.sh",
    );
  const { version: name, publishedAt, expiresAt, files } = manifest;
  if (typeof name !== "string" || !isVersion(name)) return invalid("it has no version");
  if (typeof publishedAt !== "string" || Number.isNaN(Date.parse(publishedAt))) return invalid("it has no date");
  const expiresAtMs = typeof expiresAt === "string" ? Date.parse(expiresAt) : Number.NaN;
  if (Number.isNaN(expiresAtMs)) return invalid("it does not say when it expires");
  if (!isRecord(files)) return invalid("it names no files");
  return { version: name, publishedAt, expiresAtMs, files: new Map(Object.entries(files).map(parseFile)) };
};

const parseFile = ([name, file]: [string, unknown]): [string, ReleaseFile] => {
  if (!fileName.test(name) || !isRecord(file)) return invalid("a file is described wrongly");
  const { sha256, sizeBytes } = file;
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) return invalid(`${name} has no checksum`);
  if (typeof sizeBytes !== "number" || !Number.isInteger(sizeBytes) || sizeBytes < 1 || sizeBytes > fileMaxBytes)
    return invalid(`${name} has no size`);
  return [name, { sha256, sizeBytes }];
};

const invalid = (reason: string): never => {
  throw new AppError("corrupt", `the release's manifest is not valid: ${reason}`);
};
