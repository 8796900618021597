import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HubFixture, HubFixtureOptions } from "../../scripts/fixtures/hub.ts";
import { startHubFixture } from "../../scripts/fixtures/hub.ts";
import { syntheticModel } from "../../scripts/fixtures/hub-content.ts";
import type { Converter } from "../../src/convert/spawn-converter.ts";
import { AppError } from "../../src/core/errors.ts";
import type { HubSettings } from "../../src/core/hub-settings.ts";
import type { Log } from "../../src/core/log.ts";
import { type HubRef, parseModelRef } from "../../src/core/model-ref.ts";
import type { DiskAccess } from "../../src/hub/disk-access.ts";
import type { PullProgress } from "../../src/hub/pull-progress.ts";
import type { PullReport } from "../../src/hub/pull-report.ts";
import { createPuller, type PullOptions } from "../../src/hub/puller.ts";
import { openStore, type Store } from "../../src/store/open-store.ts";
import type { StoredModel } from "../../src/store/scan-models.ts";
import { type ManualClock, manualClock } from "../fakes/manual-clock.ts";
import { testConverter } from "./test-converter.ts";

export const mib = 1024 * 1024;

/** 24 MiB: six parts, so four streams at first and a queue behind them. */
export const largeModel = syntheticModel(24 * mib);
/** One part, one request. */
export const smallModel = syntheticModel(3 * mib);

export interface HubHarness extends AsyncDisposable {
  dir: string;
  fixture: HubFixture;
  store: Store;
  clock: ManualClock;
  /** Every line logged, with its level. */
  lines: string[];
  /** Every progress event of every pull. */
  events: PullProgress[];
  pull(
    name: string,
    options?: PullOptions & { settings?: Partial<HubSettings>; disk?: DiskAccess; converter?: Converter },
  ): Promise<StoredModel>;
  /** What a pull would do. */
  plan(name: string, options?: { disk?: DiskAccess }): Promise<PullReport>;
  /** Pulls and returns the error. */
  error(name: string, options?: Parameters<HubHarness["pull"]>[1]): Promise<AppError>;
  /** Pulls and returns the error's code and message. */
  failure(name: string, options?: Parameters<HubHarness["pull"]>[1]): Promise<string>;
  /** Files below the models folder, without the store's own lock and stamp. */
  files(): string[];
}

/**
 * A fixture, an empty store and a puller. Time stands still, but the waits that the puller announces in its log pass at once.
 */
export const hubHarness = (options: HubFixtureOptions): HubHarness => {
  const root = mkdtempSync(join(tmpdir(), "llmlb-hub-"));
  const dir = join(root, "models");
  const fixture = startHubFixture(options);
  const clock = manualClock();
  const lines: string[] = [];
  const log = recordingLog(lines, (message) => {
    const waitMs = /trying again in (\d+) ms/.exec(message)?.[1];
    if (waitMs) setImmediate(() => void clock.advance(Number(waitMs)));
  });
  const store = openStore(dir, { clock, log });
  const events: PullProgress[] = [];
  const puller = ({
    settings,
    ...more
  }: {
    settings?: Partial<HubSettings>;
    disk?: DiskAccess;
    converter?: Converter;
  }) =>
    createPuller({
      store,
      settings: { endpoint: fixture.endpoint, offline: false, ...settings },
      clock,
      log,
      converter: testConverter(),
      ...more,
    });
  const pull: HubHarness["pull"] = async (name, { settings, disk, converter, onProgress, ...rest } = {}) => {
    const more = { ...(settings && { settings }), ...(disk && { disk }), ...(converter && { converter }) };
    return await puller(more).pull(hubRef(name), {
      ...rest,
      onProgress(progress) {
        events.push(progress);
        onProgress?.(progress);
      },
    });
  };
  const error: HubHarness["error"] = async (name, pullOptions) => {
    try {
      await pull(name, pullOptions);
    } catch (thrown) {
      if (thrown instanceof AppError) return thrown;
      throw thrown;
    }
    throw new Error(`the pull of ${name} did not fail`);
  };
  return {
    dir,
    fixture,
    store,
    clock,
    lines,
    events,
    pull,
    plan: (name, planOptions = {}) => puller(planOptions).plan(hubRef(name)),
    error,
    async failure(name, pullOptions) {
      const { code, message } = await error(name, pullOptions);
      return `${code}: ${message}`;
    },
    files: () => filesIn(dir).filter((file) => !file.startsWith("store.")),
    async [Symbol.asyncDispose]() {
      fixture.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

export const hubRef = (name: string): HubRef => {
  const ref = parseModelRef(name);
  if (ref.kind !== "hub") throw new Error(`${name} is no name on a Hub`);
  return ref;
};

const filesIn = (dir: string): string[] =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
        .sort()
    : [];

/** sha256 of the model file that the store gives out. */
export const storedSha256 = (store: Store, model: StoredModel): string =>
  new Bun.CryptoHasher("sha256").update(readFileSync(store.modelPath(model))).digest("hex");

export const recordingLog = (lines: string[], onLine: (message: string) => void = () => {}): Log => {
  const level = (name: string) => (message: string) => {
    lines.push(`${name}: ${message}`);
    onLine(message);
  };
  return {
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
    debug: level("debug"),
    trace: level("trace"),
  };
};

/** Blob progress never falls and ends complete. */
export const completedBytes = (events: PullProgress[]): number[] =>
  events.flatMap(({ status, completed }) =>
    status.startsWith("pulling ") && completed !== undefined ? [completed] : [],
  );
