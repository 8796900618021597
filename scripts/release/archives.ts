import { buffer } from "node:stream/consumers";
import { gzipSync, zipSync } from "fflate";
import { pack } from "tar-stream";

/** A file of an archive. */
export interface Entry {
  /** Its path inside, with slashes. */
  name: string;
  bytes: Uint8Array;
  /** May be executed; 0755 instead of 0644. */
  executable?: boolean;
}

const modeOf = ({ executable }: Entry): number => (executable ? 0o755 : 0o644);

const byName = (entries: readonly Entry[]): Entry[] => entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));

/**
 * fflate is plain JavaScript, so that the same bytes come out on every machine; zlib's implementations differ in what they make of one
 * input, by version and by processor. The header holds neither name nor time.
 */
export const gzip = (bytes: Uint8Array): Uint8Array => gzipSync(bytes, { level: 9, mtime: 0 });

/** The same entries give the same bytes: sorted, owned by root, all of one time. */
export const tarGz = async (entries: readonly Entry[], time: Date): Promise<Uint8Array> => {
  const tar = pack();
  const root = { uid: 0, gid: 0, uname: "root", gname: "root" };
  for (const entry of byName(entries))
    tar.entry({ ...root, name: entry.name, mode: modeOf(entry), mtime: time }, Buffer.from(entry.bytes));
  tar.finalize();
  return gzip(await buffer(tar));
};

/** Zip holds the fields of a local time: here those of UTC, wherever this runs. */
const zipTime = (time: Date): Date =>
  new Date(
    time.getUTCFullYear(),
    time.getUTCMonth(),
    time.getUTCDate(),
    time.getUTCHours(),
    time.getUTCMinutes(),
    time.getUTCSeconds(),
  );

/** As `tarGz`, for Windows, which knows no modes. */
export const zip = (entries: readonly Entry[], time: Date): Uint8Array =>
  zipSync(Object.fromEntries(byName(entries).map(({ name, bytes }) => [name, bytes])), {
    level: 9,
    mtime: zipTime(time),
  });
