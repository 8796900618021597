import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type KnownManifests, type StoredModel, type StoreScan, scanModels } from "./scan-models.ts";
import type { StoreLayout } from "./store-layout.ts";

/** What is in the store, read again only when it changed. */
export interface ModelIndex {
  current(): StoreScan;
  /** Reads the folders now, whatever is remembered. */
  rescan(): StoreScan;
  /** Says, to every process that uses this folder, that models came or went. */
  markChanged(): void;
  /** Remembers a last use that was written to the disk; `model` carries it. */
  noteUse(model: StoredModel): void;
}

/** Files that people add or delete by hand, and last uses that other processes write, show up after this time. */
const maxAgeMs = 30_000;

export const modelIndex = (layout: StoreLayout, { clock, log }: { clock: Clock; log: Log }): ModelIndex => {
  const known: KnownManifests = new Map();
  const reported = new Set<string>();
  const onBroken = (path: string, reason: string) => {
    if (reported.has(path)) return; // once is enough: every listing comes by here
    reported.add(path);
    log.warn(`skipping ${path}: ${reason}`);
  };
  let cached: { scan: StoreScan; stamp: string; scannedAtMs: number } | undefined;
  const rescan = () => {
    const stamp = readStamp(layout.stamp); // before the scan: a change during it is seen next time
    const scan = scanModels(layout, known, onBroken);
    cached = { scan, stamp, scannedAtMs: clock.now() };
    return scan;
  };
  return {
    rescan,
    current() {
      const fresh = cached && clock.now() - cached.scannedAtMs < maxAgeMs && cached.stamp === readStamp(layout.stamp);
      return fresh && cached ? cached.scan : rescan();
    },
    markChanged() {
      cached = undefined;
      mkdirSync(dirname(layout.stamp), { recursive: true });
      writeFileSync(layout.stamp, crypto.randomUUID());
    },
    noteUse(model) {
      if (!cached) return;
      const others = cached.scan.models.filter(({ id }) => id !== model.id);
      cached.scan = { ...cached.scan, models: [model, ...others] };
    },
  };
};

const readStamp = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
