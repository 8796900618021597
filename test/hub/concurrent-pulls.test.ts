import { expect, test } from "bun:test";
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
import { pullInChild } from "./pull-in-child.ts";
import { testConverter } from "./test-converter.ts";

const large = { id: "org/large", files: [{ path: "large-Q8_0.gguf", content: largeModel }] };

/** A puller in real time, for what is about real processes. */
const realPuller = (hub: HubHarness, lines: string[] = []) =>
  createPuller({
    store: openStore(hub.dir),
    settings: { endpoint: hub.fixture.endpoint, offline: false },
    converter: testConverter(),
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
  expect(puller.stats()).toEqual({ active: 0, downloadedBytes: 24 * mib, ended: { success: 2 } });
});

test("a caller that leaves does not end the download of the other", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const stall = hub.fixture.inject({ on: "cdn", bytesPerSecond: 20 * mib });
  const puller = realPuller(hub);
  const controller = new AbortController();
  const leaving = puller.pull(hubRef("org/large"), { signal: controller.signal });
  const staying = puller.pull(hubRef("org/large"));
  await stall.reached;
  expect(puller.stats()).toMatchObject({ active: 2, ended: {} });
  controller.abort(new Error("left"));
  expect(await leaving.catch((error: Error) => error.message)).toBe("left");
  expect(storedSha256(hub.store, await staying)).toBe(largeModel.sha256);
  expect(puller.stats()).toEqual({ active: 0, downloadedBytes: 24 * mib, ended: { cancelled: 1, success: 1 } });
  expect(hub.fixture.sentBytes()).toBe(24 * mib);
});

test("two processes share one download: the second waits, shows its progress, and downloads nothing", async () => {
  await using hub = hubHarness({ repositories: [large] });
  hub.fixture.inject({ on: "cdn", bytesPerSecond: 4 * mib });
  await using first = pullInChild(hub, "org/large");
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

test("the lock of a killed pull is free, and a pull of other content does not wait for anyone", async () => {
  const other = { id: "org/other", files: [{ path: "other-Q8_0.gguf", content: smallModel }] };
  await using hub = hubHarness({ repositories: [large, other] });
  const stall = hub.fixture.inject({ on: "cdn", path: new RegExp(largeModel.sha256), stallAfterBytes: mib });
  await using child = pullInChild(hub, "org/large");
  await stall.reached;
  expect(storedSha256(hub.store, await realPuller(hub).pull(hubRef("org/other")))).toBe(smallModel.sha256);
  child.process.kill("SIGKILL");
  await child.process.exited;
  stall.remove();
  const before = cdnRequests(hub.fixture).length;
  await realPuller(hub).pull(hubRef("org/large"));
  expect(cdnRequests(hub.fixture).length).toBeGreaterThan(before);
});
