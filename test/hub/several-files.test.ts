import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { syntheticModel } from "../../scripts/fixtures/hub-content.ts";
import { systemDisk } from "../../src/hub/disk-access.ts";
import type { StoredModel } from "../../src/store/scan-models.ts";
import { type HubHarness, hubHarness, hubRef, mib } from "./harness.ts";

const parts = [1, 2, 3].map((number) => ({
  path: `Q4_K_M/m-Q4_K_M-0000${number}-of-00003.gguf`,
  content: syntheticModel((2 + number) * mib),
}));
const projector = { path: "mmproj-m-F16.gguf", content: syntheticModel(mib) };
const template = "{{ messages[0].content }}";
const repository = {
  id: "org/split-GGUF",
  files: [
    ...parts.toReversed(),
    projector,
    { path: "m-Q8_0.gguf", content: syntheticModel(6 * mib) },
    { path: "chat_template.jinja", content: template },
    { path: "LICENSE", content: "free\n" },
  ],
};
const wholeBytes = (3 + 4 + 5 + 1) * mib;

const rolesOf = ({ manifest }: StoredModel) => manifest.files.map(({ role, name }) => [role, name]);
const sha256 = (path: string) => new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex");
const blobsOf = (hub: HubHarness) => hub.files().filter((file) => file.startsWith("blobs/"));

test("a split model comes whole, with its projector, template and license, and opens at its first part", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const model = await hub.pull("org/split-GGUF");
  expect(model.name).toBe("org/split-GGUF");
  expect(rolesOf(model)).toEqual([
    ...parts.map(({ path }) => ["model", path]),
    ["projector", projector.path],
    ["license", "LICENSE"],
    ["template", "chat_template.jinja"],
  ]);
  expect(model.sizeBytes).toBe(wholeBytes + template.length + 5);
  expect(model.manifest.details.shape?.sizeBytes).toBe((3 + 4 + 5) * mib);
  const first = hub.store.modelPath(model);
  const names = readdirSync(dirname(first)).sort();
  expect(names).toEqual([1, 2, 3].map((number) => `model-0000${number}-of-00003.gguf`));
  for (const [index, name] of names.entries()) {
    const path = join(dirname(first), name);
    expect(sha256(path)).toBe(parts[index]?.content.sha256 ?? "");
    expect(statSync(path).nlink).toBe(2); // no second copy
  }
  expect(hub.files().filter((file) => file.startsWith("partial/"))).toEqual([]);
});

test("nothing changed: one request; a removal frees every part and its links", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const model = await hub.pull("org/split-GGUF");
  hub.store.modelPath(model);
  const requests = hub.fixture.requests.length;
  expect((await hub.pull("org/split-GGUF")).id).toBe(model.id);
  expect(hub.fixture.requests.length).toBe(requests + 1);
  const { freedBytes } = await hub.store.remove(hubRef("org/split-GGUF"));
  expect(freedBytes).toBe(model.sizeBytes);
  expect(hub.files()).toEqual([]);
});

test("a pull that is cut in its second part goes on there", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const abort = new AbortController();
  const second = `pulling ${parts[1]?.content.sha256.slice(0, 12)}`;
  const cut = hub.pull("org/split-GGUF", {
    signal: abort.signal,
    onProgress: ({ status }) => status === second && abort.abort(new Error("enough")),
  });
  await expect(cut).rejects.toThrow("enough");
  expect(hub.store.list()).toEqual([]);
  const sent = hub.fixture.sentBytes();
  const model = await hub.pull("org/split-GGUF");
  expect(model.manifest.files).toHaveLength(6);
  // The first part was complete: it is only hashed again.
  expect(hub.fixture.sentBytes() - sent).toBeLessThanOrEqual(wholeBytes - 3 * mib + template.length + 5);
});

test("an unfinished download of several files is freed by rm", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const abort = new AbortController();
  const onProgress = ({ completed = 0 }: { completed?: number }) => completed > 0 && abort.abort(new Error("enough"));
  await expect(hub.pull("org/split-GGUF", { signal: abort.signal, onProgress })).rejects.toThrow("enough");
  expect(hub.files().some((file) => file.startsWith("partial/"))).toBe(true);
  await hub.store.remove(hubRef("org/split-GGUF"));
  expect(hub.files()).toEqual([]);
});

test("space is checked for all files together, before the first byte", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const disk = { ...systemDisk, freeBytes: async () => 12 * mib };
  const message = await hub.failure("org/split-GGUF", { disk });
  expect(message).toStartWith("disk_full: ");
  expect(message).toContain(`(${wholeBytes} bytes)`);
  expect(hub.fixture.sentBytes()).toBe(0);
  expect(hub.files()).toEqual([]);
});

test("another quantization shares the projector", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  await hub.pull("org/split-GGUF");
  const blobs = blobsOf(hub).length;
  const model = await hub.pull("org/split-GGUF:Q8_0");
  expect(rolesOf(model).map(([role]) => role)).toEqual(["model", "projector", "license", "template"]);
  expect(blobsOf(hub).length).toBe(blobs + 1);
  await hub.store.remove(hubRef("org/split-GGUF:Q8_0"));
  expect(blobsOf(hub).length).toBe(blobs);
});
