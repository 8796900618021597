import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { platformName } from "../../src/native/native-dir.ts";
import type { ReleaseSource } from "../../src/upgrade/release-source.ts";
import { type UpgradeOptions, type UpgradeResult, upgrade } from "../../src/upgrade/upgrade.ts";
import { manualClock } from "./manual-clock.ts";
import {
  makeRelease,
  type ReleaseOptions,
  type ReleaseServer,
  signingKey,
  standIn,
  startReleaseServer,
} from "./release.ts";

export interface UpgradeWorld extends AsyncDisposable {
  dir: string;
  server: ReleaseServer;
  key: ReturnType<typeof signingKey>;
  clock: ReturnType<typeof manualClock>;
  /** Lays out a version as install.sh does, and makes it the current one. */
  lay(version: string, options?: { previous?: string; addons?: string[] }): void;
  publish(options: Omit<ReleaseOptions, "key"> & Partial<Pick<ReleaseOptions, "key">>): Promise<void>;
  source(more?: Partial<ReleaseSource>): ReleaseSource;
  options(more?: Partial<UpgradeOptions>): UpgradeOptions;
  /** Upgrades what is installed, to the newest release or to `version`. */
  upgrade(version?: string, more?: Partial<UpgradeOptions>): Promise<UpgradeResult>;
  /** What `bin/llmlb --version` says. */
  current(): string;
  /** Names in lib/llmlb. */
  stored(): string[];
  receipt(): Record<string, unknown>;
  read(path: string): string;
  /** Back to nothing installed and nothing published. */
  reset(): Promise<void>;
}

export const target = "linux-x64";

export const openUpgradeWorld = async (): Promise<UpgradeWorld> => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-upgrade-"));
  const lib = join(dir, "lib/llmlb");
  const key = signingKey();
  const world: UpgradeWorld = {
    dir,
    key,
    server: await startReleaseServer(),
    clock: manualClock(),
    lay(version, { previous = "", addons = [] } = {}) {
      const native = join(lib, version, "native");
      for (const name of ["", ...addons.map((addon) => `-${addon}`)]) {
        mkdirSync(join(native, platformName() + name), { recursive: true });
        writeFileSync(join(native, platformName() + name, "bridge.node"), `${name} ${version}`);
      }
      writeFileSync(join(lib, version, "llmlb"), standIn(version), { mode: 0o755 });
      mkdirSync(join(dir, "bin"), { recursive: true });
      rmSync(join(dir, "bin/llmlb"), { force: true });
      symlinkSync(`../lib/llmlb/${version}/llmlb`, join(dir, "bin/llmlb"));
      const receipt = { schema: 1, method: "install.sh", version, previous, target, addons };
      writeFileSync(join(lib, "install.json"), `${JSON.stringify(receipt)}\n`);
    },
    publish: async (options) => world.server.publish(await makeRelease({ key, targets: [target], ...options })),
    source: (more = {}) => ({
      baseUrl: world.server.url,
      keys: [key.publicKey],
      clock: world.clock,
      signal: new AbortController().signal,
      ...more,
    }),
    options: (more = {}) => ({
      source: world.source(),
      executable: join(lib, world.current(), "llmlb"),
      env: { PATH: process.env.PATH },
      report: async () => undefined,
      ...more,
    }),
    upgrade: (version, more) => upgrade(world.options(more), version),
    current: () =>
      Bun.spawnSync([join(dir, "bin/llmlb"), "--version"])
        .stdout.toString()
        .trim()
        .replace("llmlb ", ""),
    stored: () => readdirSync(lib).sort(),
    receipt: () => JSON.parse(readFileSync(join(lib, "install.json"), "utf8")),
    read: (path) => readFileSync(join(dir, path), "utf8"),
    async reset() {
      await world.server[Symbol.asyncDispose]();
      world.server = await startReleaseServer();
      world.clock = manualClock(Date.parse("2026-06-01"));
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
    },
    async [Symbol.asyncDispose]() {
      await world.server[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return world;
};

export const linkOf = (world: UpgradeWorld): string => readlinkSync(join(world.dir, "bin/llmlb"));
