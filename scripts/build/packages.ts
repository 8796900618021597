import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireTools, runTool } from "../native/run-tool.ts";

const root = join(import.meta.dir, "../..");
const cacheDir = join(root, "build/packages");

interface LockedPackage {
  version: string;
  /** `sha512-` and the base64 hash of the package's archive. */
  integrity: string;
}

/** What Bun's own package does not name, and the lockfile therefore does not hold. */
const pinned: Readonly<Record<string, LockedPackage>> = {
  "@oven/bun-linux-x64-baseline": {
    version: "1.4.5",
    integrity: "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
  },
};

/** Version and hash that a package must have. */
export const lockedPackage = async (name: string): Promise<LockedPackage> => {
  const { packages } = await Bun.file(join(root, "package-lock.json")).json();
  const found: LockedPackage | undefined = packages[`node_modules/${name}`] ?? pinned[name];
  if (!found?.integrity) throw new Error(`package-lock.json has no ${name}, and scripts/build/packages.ts none either`);
  return found;
};

/** Throws unless `bytes` have the hash that `integrity` names. */
export const checkIntegrity = (name: string, bytes: Uint8Array, integrity: string): void => {
  const found = `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`;
  if (found !== integrity)
    throw new Error(`what was downloaded as ${name} has the checksum ${found}, not ${integrity}`);
};

/** Downloads a package for any platform into `build/packages`, once for each version, and returns its folder. */
export const fetchPackage = async (name: string): Promise<string> => {
  const { version, integrity } = await lockedPackage(name);
  const folder = join(cacheDir, `${name.replace("/", "-")}-${version}`);
  if (existsSync(folder)) return folder;
  requireTools(["npm"]);
  await mkdir(cacheDir, { recursive: true });
  const staging = await mkdtemp(join(cacheDir, ".fetch-"));
  try {
    // npm knows the registry, the mirror and the proxy of this machine.
    const printed = await runTool("npm", ["pack", "--silent", "--pack-destination", staging, `${name}@${version}`]);
    const archive = await Bun.file(join(staging, printed.trim().split("\n").at(-1) ?? "")).bytes();
    checkIntegrity(name, archive, integrity);
    await new Bun.Archive(archive).extract(join(staging, "content"));
    await rename(join(staging, "content/package"), folder);
    return folder;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
};

/** Where the files of a package are: installed by npm, or else downloaded. */
export const packageDir = async (name: string): Promise<string> => {
  const installed = join(root, "node_modules", name);
  if (!existsSync(join(installed, "package.json"))) return await fetchPackage(name);
  const [{ version }, locked] = await Promise.all([
    Bun.file(join(installed, "package.json")).json(),
    lockedPackage(name),
  ]);
  if (version !== locked.version)
    throw new Error(`${name} ${version} is installed, not ${locked.version}: run "npm ci"`);
  return installed;
};
