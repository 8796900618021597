import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { type Entry, extract, type Headers } from "tar-stream";
import { AppError } from "../core/errors.ts";

const entriesMax = 10_000;
const unpackedMaxBytes = 2 ** 32; // CUDA's libraries are the largest: 0.4 GB

/**
 * Unpacks a `.tar.gz` whose entries all lie in the folder `top` into `<target>/<top>`, which must not exist; all is on the disk when it resolves.
 * Throws `corrupt` on anything but plain files and folders inside of it: the checksum says who made an archive, not that it was made well.
 */
export const unpackArchive = async (archive: string, target: string, top: string): Promise<string> => {
  const extractor = extract();
  const results = await Promise.allSettled([
    pipeline(createReadStream(archive), createGunzip(), extractor),
    writeEntries(extractor, target, top).catch((error: unknown) => {
      extractor.destroy();
      throw error;
    }),
  ]);
  // Each of the two fails when the other does, with nothing to say then.
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  const first = errors.find(isFaultOfArchive) ?? errors[0];
  if (first !== undefined)
    throw errors.find(isTelling) ?? broken(first instanceof Error ? first.message : String(first));
  return join(target, top);
};

/** Is it ours, or the disk's? */
const isTelling = (error: unknown): boolean =>
  error instanceof AppError || (error instanceof Error && "syscall" in error && !isFaultOfArchive(error));

/** Two entries of one name, a file inside of a file, names that no disk takes. */
const isFaultOfArchive = (error: unknown): boolean =>
  error instanceof Error && "code" in error && faultsOfArchive.has(error.code);

const faultsOfArchive: ReadonlySet<unknown> = new Set([
  "EEXIST",
  "ENOTDIR",
  "EISDIR",
  "ENAMETOOLONG",
  "EINVAL",
  "EILSEQ",
]);

const writeEntries = async (entries: AsyncIterable<Entry>, target: string, top: string): Promise<void> => {
  const folders = new Set([target]);
  let count = 0;
  let totalBytes = 0;
  for await (const entry of entries) {
    const { name, type, size = 0 } = entry.header;
    totalBytes += size;
    if (++count > entriesMax || totalBytes > unpackedMaxBytes) broken("it holds too much");
    const path = join(target, insidePath(name, top));
    if (type === "directory") await makeFolder(path, folders);
    else if (type === "file") await writeFile(entry, path, folders);
    else broken(`${JSON.stringify(name)} is a ${type}`);
    entry.resume(); // an entry without content is read to its end too
  }
  if (count === 0) broken("it is empty");
  for (const folder of folders) await syncFolder(folder);
};

/** The path of an entry below the target. Throws `corrupt` where it would lead out of `top`. */
const insidePath = (name: string, top: string): string => {
  const parts = name.replace(/\/$/, "").split("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a name
  const isPlain = parts.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\\0-\x1f:]/.test(part));
  return isPlain && parts[0] === top ? parts.join("/") : broken(`${JSON.stringify(name)} is not inside of ${top}`);
};

const makeFolder = async (path: string, folders: Set<string>): Promise<void> => {
  if (folders.has(path)) return;
  await makeFolder(dirname(path), folders);
  await mkdir(path);
  folders.add(path);
};

const writeFile = async (entry: Entry, path: string, folders: Set<string>): Promise<void> => {
  await makeFolder(dirname(path), folders);
  await using handle = await open(path, "wx", fileMode(entry.header));
  for await (const chunk of entry) await handle.writeFile(chunk as Uint8Array);
  await handle.sync();
};

const fileMode = ({ mode = 0 }: Headers): number => ((mode & 0o100) !== 0 ? 0o755 : 0o644);

/** After this the names in a folder survive a power cut. */
export const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === "win32") return; // it cannot open folders
  await using handle = await open(path, "r");
  await handle.sync();
};

const broken = (reason: string): never => {
  throw new AppError("corrupt", `the archive of the release is not valid: ${reason}; nothing was changed`);
};
