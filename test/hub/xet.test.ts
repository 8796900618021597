import { expect, test } from "bun:test";
import { newPart } from "../../src/hub/plan-parts.ts";
import { gapsOf } from "../../src/hub/xet-download.ts";
import { completedBytes, type HubHarness, hubHarness, largeModel, mib, storedSha256 } from "./harness.ts";

const large = { id: "org/large", files: [{ path: "large-Q8_0.gguf", content: largeModel }] };
const xorbs = /^\/xorbs\//;

const at = (hub: HubHarness, door: string) => hub.fixture.requests.filter((request) => request.door === door);
const sentBy = (hub: HubHarness, door: string) => at(hub, door).reduce((sum, { sentBytes }) => sum + sentBytes, 0);

test.each([400, 403])(
  "a file whose plain address is refused with %i again and again comes through Xet",
  async (status) => {
    await using hub = hubHarness({ repositories: [large], xet: true });
    hub.fixture.inject({ on: "cdn", status });
    const model = await hub.pull("org/large", { onProgress: () => void hub.clock.advance(61) });
    expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
    expect(at(hub, "resolve")).toHaveLength(3);
    expect(sentBy(hub, "xet")).toBeLessThan(24.1 * mib);
    expect(
      hub.lines.filter((line) => /127.0.0.1:\d+ refuses plain downloads; going on through Xet/.test(line)),
    ).toHaveLength(1);
    const completed = completedBytes(hub.events);
    expect(completed.length).toBeGreaterThan(3);
    expect(completed).toEqual([...completed].sort((a, b) => a - b));
    expect(completed.at(-1)).toBe(24 * mib);
    expect(hub.events.map(({ status: text }) => text)).toContain("verifying sha256 digest");
    expect(hub.files().filter((file) => file.startsWith("partial"))).toEqual([]);
  },
);

test("what came by plain ranges is not read again", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  hub.fixture.inject({ on: "cdn", status: 403, after: 4 });
  hub.fixture.inject({ on: "cdn", cutAfterBytes: 1.3 * mib, times: 1 });
  const model = await hub.pull("org/large");
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  // What the cut stream brought is there for certain; the others may be ended before their bytes are read.
  expect(sentBy(hub, "xet")).toBeLessThan(23 * mib);
});

test("what an earlier pull brought is not read again", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  const controller = new AbortController();
  const onProgress = ({ completed = 0 }) => {
    void hub.clock.advance(61);
    if (completed >= 12 * mib) controller.abort(new Error("stop"));
  };
  await hub.pull("org/large", { signal: controller.signal, onProgress }).catch(() => undefined);
  hub.fixture.inject({ on: "cdn", status: 403 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(sentBy(hub, "xet")).toBeLessThan(13 * mib);
});

test("Xet is not asked as long as plain ranges work", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  hub.fixture.inject({ on: "cdn", expired: true, times: 4 });
  await hub.pull("org/large");
  expect(at(hub, "xet")).toEqual([]);
});

test("a pull that is aborted while it reads from Xet goes on where it was", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  const refused = hub.fixture.inject({ on: "cdn", status: 403 });
  const stall = hub.fixture.inject({ on: "xet", path: xorbs, after: 3, stallAfterBytes: mib });
  const controller = new AbortController();
  const pulling = hub.pull("org/large", { signal: controller.signal });
  await stall.reached;
  controller.abort(new Error("stop"));
  expect(await pulling.catch((error: Error) => error.message)).toBe("stop");
  stall.remove();
  refused.remove();
  const sent = hub.fixture.sentBytes();
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes() - sent).toBeLessThan(24 * mib);
  expect(hub.lines.some((line) => /going on with \d+ bytes that are here/.test(line))).toBe(true);
});

test("server errors and silence of Xet's store cost an attempt, not the pull", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  hub.fixture.inject({ on: "cdn", status: 403 });
  hub.fixture.inject({ on: "xet", path: /reconstructions/, status: 503, times: 1 });
  const stall = hub.fixture.inject({ on: "xet", path: xorbs, after: 1, times: 1, stallAfterBytes: mib });
  const pulling = hub.pull("org/large");
  await stall.reached;
  await hub.clock.advance(61_000);
  expect(storedSha256(hub.store, await pulling)).toBe(largeModel.sha256);
  expect(hub.lines.filter((line) => line.includes("through Xet: status 503; trying again"))).toHaveLength(1);
  expect(hub.lines.filter((line) => line.includes("through Xet: no bytes for 60 s; trying again"))).toHaveLength(1);
});

test("damage on the way through Xet is found by the file's own hash", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  hub.fixture.inject({ on: "cdn", status: 403 });
  hub.fixture.inject({ on: "xet", path: xorbs, corruptAt: 1000, times: 1 });
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.lines.filter((line) => line.startsWith("warn:") && line.includes("arrived damaged"))).toHaveLength(1);
});

test("HF_HUB_DISABLE_XET keeps it off", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  hub.fixture.inject({ on: "cdn", status: 403 });
  expect(await hub.failure("org/large", { settings: { xetDisabled: true } })).toMatch(
    /^forbidden: 127.0.0.1:\d+ refuses the download even with a fresh address \(status 403\); pull again later to go on$/,
  );
  expect(at(hub, "xet")).toEqual([]);
});

test("when neither way works, one line says so and what came stays", async () => {
  await using hub = hubHarness({ repositories: [large], xet: true });
  hub.fixture.inject({ on: "cdn", status: 403, after: 2 });
  hub.fixture.inject({ on: "xet", path: xorbs, status: 500 });
  expect(await hub.failure("org/large")).toMatch(
    /^hub_unavailable: 127.0.0.1:\d+ refuses the download of org\/large\/large-Q8_0.gguf and Xet, the other way, failed 5 times: status 500; what was downloaded is kept, pull again later to go on$/,
  );
  expect(hub.files()).toContain(`partial/sha256-${largeModel.sha256}`);
});

test("the Hub's token goes to the Hub alone, whatever it looks like", async () => {
  const gated = { ...large, gated: "manual" as const, readers: ["secret"] };
  await using hub = hubHarness({ repositories: [gated], xet: true });
  hub.fixture.inject({ on: "cdn", status: 403 });
  await hub.pull("org/large", { settings: { token: "secret" } });
  const [access] = hub.fixture.requests.filter(({ path }) => path.includes("/xet-read-token/"));
  expect(access?.authorization).toBe("Bearer secret");
  expect(at(hub, "xet").length).toBeGreaterThan(1);
  expect(at(hub, "xet").filter(({ authorization }) => authorization === "Bearer secret")).toEqual([]);
  expect(at(hub, "xet").filter(({ path, authorization }) => xorbs.test(path) && authorization)).toEqual([]);
});

test("gaps beside each other are read as one", () => {
  const parts = [newPart(0, 10), newPart(10, 20), newPart(20, 30), newPart(30, 40)];
  for (const [index, position] of [4, 20, 20, 35].entries()) Object.assign(parts[index] ?? {}, { position });
  const ranges = gapsOf(parts).map(({ start, end }) => [start, end]);
  expect(ranges).toEqual([
    [4, 10],
    [20, 30],
    [35, 40],
  ]);
  expect(gapsOf([newPart(0, 10), newPart(10, 20)]).map(({ start, end }) => [start, end])).toEqual([[0, 20]]);
});
