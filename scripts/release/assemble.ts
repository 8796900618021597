import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { executableName, isWindows, type TargetName } from "../build/targets.ts";
import { type Entry, gzip, tarGz, zip } from "./archives.ts";
import {
  archiveName,
  checksumsName,
  folderName,
  gpuArchiveName,
  gpuFolderName,
  manifestName,
  signatureName,
  singleName,
} from "./layout.ts";
import { type ReleaseFile, renderChecksums, renderManifest } from "./manifest.ts";

export interface Release {
  version: string;
  time: Date;
  outDir: string;
  /** What has been written so far. */
  files: ReleaseFile[];
}

/** Writes a file of the release and enters it in the list. */
export const addFile = async (
  { outDir, files }: Release,
  name: string,
  content: Uint8Array | string,
): Promise<void> => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Bun.write(join(outDir, name), bytes);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  files.push({ name, sha256, sizeBytes: bytes.length });
};

/** The files of a folder without folders in it, as entries below `prefix`. */
export const readEntries = async (dir: string, prefix: string): Promise<Entry[]> =>
  await Promise.all(
    (await readdir(dir)).map(async (name) => ({
      name: `${prefix}/${name}`,
      bytes: await Bun.file(join(dir, name)).bytes(),
    })),
  );

export interface TargetParts {
  /** Without libraries inside. */
  executable: Uint8Array;
  /** With them. */
  single: Uint8Array;
  /** Below `native/`. */
  native: readonly Entry[];
  /** At the top: license, licenses, README. */
  texts: readonly Entry[];
}

/** Everything below one folder. */
const below = (folder: string, entries: readonly Entry[]): Entry[] =>
  entries.map((entry) => ({ ...entry, name: `${folder}/${entry.name}` }));

/** Writes both archives of a target. */
export const addTarget = async (release: Release, target: TargetName, parts: TargetParts): Promise<void> => {
  const { version, time } = release;
  const name = executableName(target);
  const executable = { name, bytes: parts.executable, executable: true };
  const entries = below(folderName(version, target), [executable, ...parts.native, ...parts.texts]);
  await addFile(
    release,
    archiveName(version, target),
    isWindows(target) ? zip(entries, time) : await tarGz(entries, time),
  );
  const single = isWindows(target) ? zip([{ name, bytes: parts.single }], time) : gzip(parts.single);
  await addFile(release, singleName(version, target), single);
};

/** Writes the archive of a GPU backend's libraries. */
export const addGpu = async (
  release: Release,
  target: TargetName,
  backend: string,
  native: readonly Entry[],
): Promise<void> => {
  const { version, time } = release;
  const entries = below(gpuFolderName(version, backend, target), native);
  await addFile(release, gpuArchiveName(version, backend, target), await tarGz(entries, time));
};

/** Writes the manifest of all files so far, its signature, and the checksums of everything. Comes last. */
export const addManifest = async (
  release: Release,
  sign: ((bytes: Uint8Array) => string) | undefined,
): Promise<void> => {
  const manifest = renderManifest(release.version, release.time, release.files);
  await addFile(release, manifestName, manifest);
  if (sign) await addFile(release, signatureName, `${sign(new TextEncoder().encode(manifest))}\n`);
  await Bun.write(join(release.outDir, checksumsName), renderChecksums(release.files));
};
