import { open } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import { hideLogin } from "../core/hide-login.ts";
import { type OpenedFile, openRelease, type Reader } from "./open-release.ts";
import type { ReleaseFile } from "./release-manifest.ts";

/** Writes a file of a release to `path`, which must not exist. Throws `corrupt` unless it has exactly the size and the checksum of the manifest. */
export const downloadFile = async (
  reader: Reader,
  url: string,
  file: ReleaseFile,
  path: string,
  onBytes: (completedBytes: number) => Promise<void>,
): Promise<void> => {
  const { sha256, sizeBytes } = await write(await openRelease(reader, url), file.sizeBytes, path, onBytes);
  if (sizeBytes < file.sizeBytes)
    throw new AppError("connection", `the download of ${hideLogin(url)} was cut; run it again`);
  if (sizeBytes > file.sizeBytes || sha256 !== file.sha256)
    throw new AppError("corrupt", `${hideLogin(url)} is not what its signed manifest says; nothing was changed`);
};

/** Stops as soon as there are more bytes than there should be. */
const write = async (
  { body }: OpenedFile,
  expectedBytes: number,
  path: string,
  onBytes: (completedBytes: number) => Promise<void>,
): Promise<ReleaseFile> => {
  const hasher = new Bun.CryptoHasher("sha256");
  let sizeBytes = 0;
  await using handle = await open(path, "wx", 0o600);
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > expectedBytes) break;
    hasher.update(chunk);
    await handle.writeFile(chunk);
    await onBytes(sizeBytes);
  }
  return { sha256: hasher.digest("hex"), sizeBytes };
};
