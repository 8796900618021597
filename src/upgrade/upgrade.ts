import { existsSync } from "node:fs";
import { readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../core/errors.ts";
import { activate, removeOthers } from "./activate.ts";
import { addonArchive, fetchArchive, type Report, releaseArchive } from "./fetch-archive.ts";
import { addonsOf, findInstallation, type Installation } from "./installation.ts";
import type { ReleaseManifest } from "./release-manifest.ts";
import { fetchManifest, type ReleaseSource } from "./release-source.ts";
import { openStaging, writeError } from "./staging.ts";
import { tryExecutable } from "./try-executable.ts";
import { syncFolder } from "./unpack-archive.ts";

export interface UpgradeOptions {
  source: ReleaseSource;
  /** The one that runs, without links. */
  executable: string;
  env: Readonly<Record<string, string | undefined>>;
  report: Report;
}

export interface UpgradeResult {
  /** What runs from now on. */
  version: string;
  /** What ran until now; the same where nothing was done. */
  before: string;
  /** The newest release where it is older than what is installed. */
  olderRelease?: string;
  /** GPU libraries that the new version does not have. */
  lostAddons: string[];
}

/** What to do with a release: one that was asked for by its version is installed whatever it is, the newest only if it is newer. */
export const decideUpgrade = (installed: string, offered: string, named: boolean): "install" | "same" | "older" => {
  if (offered === installed) return "same";
  return named || Bun.semver.order(offered, installed) > 0 ? "install" : "older";
};

/**
 * Installs the newest release, or `version`, beside what is there and swaps the link. Whatever ends it early, a kill too, leaves a version
 * that works; what lies around then is deleted by the next run.
 */
export const upgrade = async (options: UpgradeOptions, version?: string): Promise<UpgradeResult> => {
  const { source, executable, report } = options;
  const installation = findInstallation(executable, source.baseUrl);
  const before = installation.version;
  await report({ status: "looking for a release" });
  const manifest = await fetchManifest(source, version);
  const decision = decideUpgrade(before, manifest.version, version !== undefined);
  if (decision === "same") return { version: before, before, lostAddons: [] };
  if (decision === "older") return { version: before, before, olderRelease: manifest.version, lostAddons: [] };
  try {
    return await install(options, installation, manifest);
  } catch (error) {
    throw writeError(error, installation.libDir);
  }
};

const install = async (
  { source, env, report }: UpgradeOptions,
  installation: Installation,
  manifest: ReleaseManifest,
): Promise<UpgradeResult> => {
  const { libDir, target, version: before } = installation;
  const { version } = manifest;
  await using staging = await openStaging(libDir);
  const fresh = await fetchArchive(source, manifest, releaseArchive(version, target), staging.dir, report);
  const lostAddons: string[] = [];
  for (const addon of addonsOf(installation, before)) {
    const top = addonArchive(version, addon, target);
    if (!manifest.files.has(`${top}.tar.gz`)) lostAddons.push(addon);
    else await moveNative(await fetchArchive(source, manifest, top, staging.dir, report), fresh);
  }
  await report({ status: `trying llmlb ${version}` });
  await tryExecutable(join(fresh, "llmlb"), version, env);
  source.signal.throwIfAborted();
  await place(fresh, join(libDir, version), staging.dir);
  await report({ status: `switching to llmlb ${version}` });
  await activate(installation, version, staging.dir);
  await report({ status: "removing older versions" });
  await removeOthers(libDir, [version, before]);
  return { version, before, lostAddons };
};

/** Brings the libraries of an add-on into the release's own folder. */
const moveNative = async (addon: string, release: string): Promise<void> => {
  const native = join(release, "native");
  for (const name of await readdir(join(addon, "native")))
    await rename(join(addon, "native", name), join(native, name));
  await syncFolder(native);
};

/** A folder of that version that is not in use (an earlier one, or what was cut short) goes first. */
const place = async (fresh: string, target: string, stagingDir: string): Promise<void> => {
  if (existsSync(target)) await rename(target, join(stagingDir, "replaced"));
  await rename(fresh, target);
  await syncFolder(dirname(target));
};

/** Goes back to the version before; a second one forward again. Needs no network. Throws `not_found` where there is none. */
export const rollback = async (options: UpgradeOptions): Promise<UpgradeResult> => {
  const installation = findInstallation(options.executable, options.source.baseUrl);
  const { libDir, previous, version: before } = installation;
  if (previous === undefined) throw new AppError("not_found", `there is no version before ${before} to go back to`);
  try {
    await using staging = await openStaging(libDir);
    await options.report({ status: `trying llmlb ${previous}` });
    await tryExecutable(join(libDir, previous, "llmlb"), previous, options.env);
    await activate(installation, previous, staging.dir);
    return { version: previous, before, lostAddons: [] };
  } catch (error) {
    throw writeError(error, libDir);
  }
};
