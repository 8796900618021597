import { expect, test } from "bun:test";
import { join } from "node:path";
import type { HubFixture } from "../../scripts/fixtures/hub.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { PullProgress } from "../../src/hub/pull-progress.ts";
import { createPuller } from "../../src/hub/puller.ts";
import { openStore } from "../../src/store/open-store.ts";
import {
  completedBytes,
  type HubHarness,
  hubHarness,
  hubRef,
  largeModel,
  mib,
  recordingLog,
  smallModel,
  storedSha256,
} from "./harness.ts";

const large = { id: "org/large", files: [{ path: "large-Q8_0.gguf", content: largeModel }] };

/** A puller in real time, for what is about real processes. */
const realPuller = (hub: HubHarness, lines: string[] = []) =>
  createPuller({
    store: openStore(hub.dir),
    settings: { endpoint: hub.fixture.endpoint, offline: false },
    clock: systemClock,
    log: recordingLog(lines),
  });

const cdnRequests = (fixture: HubFixture) => fixture.requests.filter(({ door }) => door === "cdn");

test("two pulls of one model in one process share one download and both see its progress", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const puller = realPuller(hub);
  const events: PullProgress[][] = [[], []];
  const models = await Promise.all(
    ["org/large", "ORG/LARGE:Q8_0"].map((name, index) =>
      puller.pull(hubRef(name), { onProgress: (progress) => events[index]?.push(progress) }),
    ),
  );
  expect(models[0]?.id).toBe(models[1]?.id ?? "");
  expect(hub.fixture.sentBytes()).toBe(24 * mib);
  for (const seen of events) {
    expect(completedBytes(seen).at(-1)).toBe(24 * mib);
    expect(seen.at(-1)?.status).toBe("success");
  }
});

test("a caller that leaves does not end the download of the other", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const stall = hub.fixture.inject({ on: "cdn", bytesPerSecond: 20 * mib });
  const puller = realPuller(hub);
  const controller = new AbortController();
  const leaving = puller.pull(hubRef("org/large"), { signal: controller.signal });
  const staying = puller.pull(hubRef("org/large"));
  await stall.reached;
  controller.abort(new Error("left"));
  expect(await leaving.catch((error: Error) => error.message)).toBe("left");
  expect(storedSha256(hub.store, await staying)).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes()).toBe(24 * mib);
});

test("two processes share one download: the second waits, shows its progress, and downloads nothing", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", bytesPerSecond: 4 * mib });
  await using first = startChild(hub);
  await first.saw(({ completed = 0 }) => completed > 0);
  const lines: string[] = [];
  const events: PullProgress[] = [];
  const model = await realPuller(hub, lines).pull(hubRef("org/large"), { onProgress: (event) => events.push(event) });
  expect(await first.process.exited).toBe(0);
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes()).toBe(24 * mib);
  expect(lines.some((line) => line.includes("is being downloaded already; waiting for it"))).toBe(true);
  const completed = completedBytes(events);
  expect(completed.some((bytes) => bytes > 0 && bytes < 24 * mib)).toBe(true);
  expect(completed.at(-1)).toBe(24 * mib);
});

test("a pull killed with SIGKILL goes on where it was: what was written is not downloaded again", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const stall = hub.fixture.inject({ on: "cdn", stallAfterBytes: 3 * mib });
  await using child = startChild(hub);
  await child.saw(({ completed = 0 }) => completed >= 11 * mib);
  child.process.kill("SIGKILL");
  await child.process.exited;
  stall.remove();
  const killedAt = hub.fixture.sentBytes();
  const lines: string[] = [];
  const model = await realPuller(hub, lines).pull(hubRef("org/large"));
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(lines.some((line) => /going on with \d+ bytes that are here/.test(line))).toBe(true);
  // 11 MiB were on the disk; up to 4 MiB of them may not have been in the journal yet.
  expect(hub.fixture.sentBytes() - killedAt).toBeLessThanOrEqual((24 - 11 + 4) * mib);
  expect(hub.files().filter((file) => file.startsWith("partial"))).toEqual([]);
});

test("the lock of a killed pull is free, and a pull of other content does not wait for anyone", async () => {
  const other = { id: "org/other", files: [{ path: "other-Q8_0.gguf", content: smallModel }] };
  await using hub = hubHarness({ repositories: [large, other] });
  const stall = hub.fixture.inject({ on: "cdn", path: new RegExp(largeModel.sha256), stallAfterBytes: mib });
  await using child = startChild(hub);
  await stall.reached;
  expect(storedSha256(hub.store, await realPuller(hub).pull(hubRef("org/other")))).toBe(smallModel.sha256);
  child.process.kill("SIGKILL");
  await child.process.exited;
  stall.remove();
  const before = cdnRequests(hub.fixture).length;
  await realPuller(hub).pull(hubRef("org/large"));
  expect(cdnRequests(hub.fixture).length).toBeGreaterThan(before);
});

/** A pull of org/large in a process of its own. */
const startChild = (hub: HubHarness) => {
  const script = join(import.meta.dir, "pull-child.ts");
  const process_ = Bun.spawn([process.execPath, script, hub.fixture.endpoint, hub.dir, "org/large"], {
    stdout: "pipe",
  });
  const reader = process_.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  const saw = async (wanted: (progress: PullProgress) => boolean): Promise<void> => {
    for (;;) {
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      if (lines.some((line) => line !== "" && wanted(JSON.parse(line)))) return;
      const { done, value } = await reader.read();
      if (done) throw new Error("the child ended before that");
      text += decoder.decode(value, { stream: true });
    }
  };
  return {
    process: process_,
    saw,
    async [Symbol.asyncDispose]() {
      process_.kill("SIGKILL");
      await process_.exited;
    },
  };
};
