import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError } from "../core/errors.ts";
import { isRecord, parseJson } from "../core/json.ts";
import { findPacksBeside, type PackBackend } from "../native/gpu-packs.ts";
import { isVersion } from "./release-manifest.ts";
import { installLine } from "./release-source.ts";

/** What install.sh has made (its head shows the layout), found from the executable that runs. */
export interface Installation {
  /** `lib/llmlb`: the versions, the receipt, and what is not finished. */
  libDir: string;
  /** `bin/llmlb`. */
  linkFile: string;
  /** What the link starts; the executable that runs may be another. */
  version: string;
  /** As the archives name it, such as `linux-x64`. */
  target: string;
  /** What was there before and still is; undefined where nothing is. */
  previous?: string;
}

export const receiptName = "install.json";

interface Receipt {
  version: string;
  previous: string;
  target: string;
}

/** Throws `unsupported`, with what to do instead, where this llmlb came by another way. */
export const findInstallation = (executable: string, baseUrl: string): Installation => {
  if (process.platform === "win32")
    throw new AppError("unsupported", "llmlb does not upgrade itself on Windows: run install.ps1 again");
  const found = readInstallation(executable);
  if (found) return found;
  throw new AppError(
    "unsupported",
    `${executable} was not installed by install.sh, so it does not upgrade itself: use what installed it, or ${installLine(baseUrl)}`,
  );
};

/** Undefined where the executable is not inside what install.sh has made. */
export const readInstallation = (executable: string): Installation | undefined => {
  const libDir = dirname(dirname(executable));
  const linkFile = join(dirname(dirname(libDir)), "bin", "llmlb");
  const receipt = basename(libDir) === "llmlb" ? readReceipt(libDir) : undefined;
  const version = receipt && linkedVersion(linkFile, libDir);
  if (!receipt || !version) return undefined;
  // The receipt is written after the link: where they differ, that was cut short, and it tells of the version before.
  const previous = receipt.version === version ? receipt.previous : receipt.version;
  const isThere = previous !== version && isVersion(previous) && existsSync(join(libDir, previous, "llmlb"));
  return { libDir, linkFile, version, target: receipt.target, ...(isThere ? { previous } : {}) };
};

const readReceipt = (libDir: string): Receipt | undefined => {
  const receipt = parseJson(readIfThere(join(libDir, receiptName)));
  if (!isRecord(receipt) || receipt.schema !== 1 || receipt.method !== "install.sh") return undefined;
  const { version, previous = "", target } = receipt;
  if (typeof version !== "string" || typeof previous !== "string" || typeof target !== "string") return undefined;
  return { version, previous, target };
};

const readIfThere = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

const linkedVersion = (linkFile: string, libDir: string): string | undefined => {
  try {
    readlinkSync(linkFile); // a file there is not ours
    const versionDir = dirname(realpathSync(linkFile));
    return dirname(versionDir) === realpathSync(libDir) ? basename(versionDir) : undefined;
  } catch {
    return undefined;
  }
};

/** The versions that lie in `libDir`, in no order. */
export const storedVersions = (libDir: string): string[] =>
  readdirSync(libDir).filter((name) => isVersion(name) && existsSync(join(libDir, name, "llmlb")));

/** The GPU libraries that a version has. */
export const addonsOf = ({ libDir }: Installation, version: string): PackBackend[] =>
  findPacksBeside(join(libDir, version));

/** The line of the receipt, as install.sh writes it. */
export const receiptText = (installation: Installation): string => {
  const { version, previous = "", target } = installation;
  const addons = addonsOf(installation, version);
  return `${JSON.stringify({ schema: 1, method: "install.sh", version, previous, target, addons })}\n`;
};
