import { expect, test } from "bun:test";
import { completedBytes, hubHarness, largeModel, mib, smallModel, storedSha256 } from "./harness.ts";

const large = { id: "org/large", files: [{ path: "large-Q8_0.gguf", content: largeModel }] };
const small = { id: "org/small", files: [{ path: "small-Q8_0.gguf", content: smallModel }] };

test("progress never falls while connections are cut", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const cut = hub.fixture.inject({ on: "cdn", cutAfterBytes: mib, times: 5 });
  await hub.pull("org/large", { onProgress: () => void hub.clock.advance(61) });
  expect(cut.hits).toBe(5);
  const completed = completedBytes(hub.events);
  expect(completed).toEqual([...completed].sort((a, b) => a - b));
  expect(completed.at(-1)).toBe(24 * mib);
});

test("an aborted pull keeps what is there; the next one goes on", async () => {
  await using hub = hubHarness({ repositories: [large] });
  const stall = hub.fixture.inject({ on: "cdn", stallAfterBytes: 2 * mib, times: 4 });
  const controller = new AbortController();
  const arrived = Promise.withResolvers<void>();
  const onProgress = ({ completed = 0 }) => {
    void hub.clock.advance(61);
    if (completed >= 7 * mib) arrived.resolve();
  };
  const pulling = hub.pull("org/large", { signal: controller.signal, onProgress });
  await stall.reached;
  await arrived.promise;
  controller.abort(new Error("enough"));
  expect(await pulling.catch((error: Error) => error.message)).toBe("enough");
  const sent = hub.fixture.sentBytes();
  stall.remove();
  expect(storedSha256(hub.store, await hub.pull("org/large"))).toBe(largeModel.sha256);
  expect(hub.fixture.sentBytes() - sent).toBeLessThanOrEqual(17 * mib);
});

test("a model freed by rm while its pull counts on the blob is downloaded after all", async () => {
  const copy = { id: "other/copy", files: [{ path: "copy-Q8_0.gguf", content: smallModel }] };
  await using hub = hubHarness({ repositories: [small, copy] });
  await hub.pull("org/small");
  const before = hub.fixture.sentBytes();
  let removing: Promise<unknown> | undefined;
  const onProgress = ({ status }: { status: string }) => {
    if (status === "writing manifest") removing ??= hub.store.remove({ kind: "hub", org: "org", name: "small" });
  };
  const model = await hub.pull("other/copy", { onProgress });
  await removing;
  expect(storedSha256(hub.store, model)).toBe(smallModel.sha256);
  expect(hub.fixture.sentBytes() - before).toBe(3 * mib);
});
