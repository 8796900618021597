import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../core/errors.ts";
import {
  findPacksBeside,
  isPackBackend,
  type PackBackend,
  packBackends,
  packName,
  packVersionFile,
  packVersionIn,
} from "../native/gpu-packs.ts";
import { isCompiled } from "../native/hidden-command.ts";
import { bridgeFile } from "../native/native-dir.ts";
import { writeSynced } from "./activate.ts";
import { addonArchive, fetchArchive, type Report } from "./fetch-archive.ts";
import { readInstallation, receiptName, receiptText } from "./installation.ts";
import { fetchManifest, installLine, type ReleaseSource } from "./release-source.ts";
import { openStaging, type Staging, writeError } from "./staging.ts";
import { syncFolder } from "./unpack-archive.ts";

export interface AddonOptions {
  source: ReleaseSource;
  /** The one that runs, without links; the libraries lie beside it. */
  executable: string;
  /** Its version: libraries of another do not fit. */
  version: string;
  report: Report;
}

/** As the archives name this platform. Throws `unsupported` where there are no GPU libraries to add. */
const currentTarget = (): string => {
  if (process.platform === "darwin")
    throw new AppError("unsupported", "on a Mac there is nothing to add: llmlb computes with Metal");
  return `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
};

/** Resolves with false where the libraries of exactly this version are there already. */
export const installAddon = async (options: AddonOptions, backend: PackBackend): Promise<boolean> => {
  const { source, executable, version, report } = options;
  const target = currentTarget();
  const native = join(dirname(executable), "native");
  const place = join(native, packName(backend));
  if (existsSync(join(place, bridgeFile)) && (packVersionIn(place) ?? version) === version) return false;
  await report({ status: `looking for the libraries of llmlb ${version}` });
  const manifest = await fetchManifest(source, version);
  await withStaging(executable, async ({ dir }) => {
    const top = await fetchArchive(source, manifest, addonArchive(version, backend, target), dir, report);
    const fresh = join(top, "native", packName(backend));
    if (!existsSync(join(fresh, bridgeFile)))
      throw new AppError(
        "corrupt",
        `the ${backend} libraries of llmlb ${version} are not complete; nothing was changed`,
      );
    await rm(join(fresh, packVersionFile), { force: true });
    await writeSynced(join(fresh, packVersionFile), `${version}\n`);
    await syncFolder(fresh);
    await mkdir(native, { recursive: true });
    if (existsSync(place)) await rename(place, join(dir, "replaced"));
    await rename(fresh, place);
    await syncFolder(native);
  });
  return true;
};

/** Deletes the libraries of these backends, or of all; resolves with those that were there. */
export const removeAddons = async (executable: string, backend?: PackBackend): Promise<PackBackend[]> => {
  const found = findPacksBeside(dirname(executable)).filter((one) => backend === undefined || one === backend);
  if (found.length === 0) return found;
  await withStaging(executable, async ({ dir }) => {
    // Aside first: half of a folder would be found and tried.
    for (const one of found) await rename(join(dirname(executable), "native", packName(one)), join(dir, one));
  });
  return found;
};

/** Works under the lock of the installation, where there is one of install.sh's, and writes its receipt anew; else under one beside the executable. */
const withStaging = async (executable: string, work: (staging: Staging) => Promise<void>): Promise<void> => {
  const home = readInstallation(executable)?.libDir ?? join(dirname(executable), "native");
  try {
    await mkdir(home, { recursive: true });
    await using staging = await openStaging(home);
    await work(staging);
    const installation = readInstallation(executable);
    if (!installation) return;
    const receipt = join(staging.dir, receiptName);
    await writeSynced(receipt, receiptText(installation));
    await rename(receipt, join(installation.libDir, receiptName));
  } catch (error) {
    throw writeError(error, home);
  }
};

/** Throws `unsupported` where llmlb runs from its sources: it has its libraries from a build. */
export const refuseSources = (baseUrl: string, compiled = isCompiled): void => {
  if (!compiled)
    throw new AppError("unsupported", `this llmlb runs from its sources; get a release: ${installLine(baseUrl)}`);
};

/** The backend that a user names. Throws `invalid_argument`. */
export const parsePackBackend = (word: string, others: readonly string[] = []): PackBackend => {
  if (isPackBackend(word)) return word;
  const known = [...others, ...packBackends];
  throw new AppError("invalid_argument", `unknown backend "${word}"; expected ${known.join(" or ")}`);
};
