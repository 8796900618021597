import { expect, test } from "bun:test";
import { completedBytes, hubHarness, largeModel, mib, smallModel, storedSha256 } from "./harness.ts";

const repository = {
  id: "Org/Llama-3.2-3B-Instruct-GGUF",
  license: "apache-2.0",
  files: [
    { path: "Llama-3.2-3B-Instruct-Q8_0.gguf", content: smallModel },
    { path: "Llama-3.2-3B-Instruct-Q4_K_M.gguf", content: largeModel },
    { path: "imatrix.gguf", content: "importance" },
    { path: "LICENSE", content: "Do what you like.\n" },
    { path: "README.md", content: "# Llama" },
  ],
};

test("a pull brings the default quantization, verified, with its details, its license and an alias", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const model = await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF");
  expect(storedSha256(hub.store, model)).toBe(largeModel.sha256);
  expect(model.name).toBe("Org/Llama-3.2-3B-Instruct-GGUF");
  expect(model.aliases).toEqual(["llama3.2-3b"]);
  expect(model.manifest.details).toEqual({
    format: "gguf",
    architecture: "llama",
    parameterCount: expect.any(Number),
    quantization: "Q4_K_M",
    contextLength: 4096,
    embeddingLength: 64,
    shape: { sizeBytes: 25165824, kvElementsPerToken: 0, widest: 64, vocabulary: 0 },
    capabilities: ["completion"],
    license: "apache-2.0",
  });
  expect(model.manifest.files.map(({ role, sizeBytes }) => [role, sizeBytes])).toEqual([
    ["model", 24 * mib],
    ["license", 18],
  ]);
  expect(hub.files().map((file) => file.split("/")[0])).toEqual(["aliases", "blobs", "blobs", "manifests"]);
  expect(hub.fixture.sentBytes()).toBe(24 * mib + 18);
});

test("progress goes through Ollama's steps and never falls", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF", { onProgress: () => void hub.clock.advance(61) });
  const steps = hub.events.map(({ status }) => status).filter((status, index, all) => status !== all[index - 1]);
  expect(steps).toEqual([
    "pulling manifest",
    `pulling ${largeModel.sha256.slice(0, 12)}`,
    "verifying sha256 digest",
    "writing manifest",
    "success",
  ]);
  const completed = completedBytes(hub.events);
  expect(completed.length).toBeGreaterThan(3);
  expect(completed).toEqual([...completed].sort((a, b) => a - b));
  expect(completed.at(-1)).toBe(24 * mib);
  const blob = hub.events.find(({ digest }) => digest);
  expect(blob).toMatchObject({ digest: `sha256:${largeModel.sha256}`, total: 24 * mib });
});

test("any letter case means the same repository, and the Hub's own case is kept", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const model = await hub.pull("oRG/llama-3.2-3b-instruct-gguf:q8_0");
  expect(model.name).toBe("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  expect(hub.store.find({ kind: "hub", org: "ORG", name: "LLAMA-3.2-3B-INSTRUCT-GGUF", quant: "Q8_0" })?.id).toBe(
    model.id,
  );
});

test("a second pull with nothing changed makes one request and downloads nothing", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const first = await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  const requests = hub.fixture.requests.length;
  hub.events.length = 0;
  await hub.clock.advance(5_000);
  const second = await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  expect(second.id).toBe(first.id);
  expect(second.lastUsedMs).toBe(hub.clock.now());
  expect(hub.fixture.requests.length - requests).toBe(1);
  expect(hub.events.map(({ status }) => status)).toEqual([
    "pulling manifest",
    `pulling ${smallModel.sha256.slice(0, 12)}`,
    "success",
  ]);
});

test("a blob that another model brought is not downloaded again", async () => {
  const copy = { id: "Other/Copy-GGUF", files: [{ path: "Copy-Q8_0.gguf", content: smallModel }] };
  await using hub = hubHarness({ repositories: [repository, copy] });
  await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  const sent = hub.fixture.sentBytes();
  const model = await hub.pull("Other/Copy-GGUF");
  expect(hub.fixture.sentBytes()).toBe(sent);
  await hub.store.remove({ kind: "hub", org: "Org", name: "Llama-3.2-3B-Instruct-GGUF", quant: "Q8_0" });
  expect(storedSha256(hub.store, model)).toBe(smallModel.sha256);
});

test("a new commit replaces the model and frees what only the old one used", async () => {
  await using hub = hubHarness({
    repositories: [{ ...repository, files: [{ path: "m-Q8_0.gguf", content: largeModel }] }],
  });
  await hub.pull(repository.id);
  hub.fixture.publish({ ...repository, files: [{ path: "m-Q8_0.gguf", content: smallModel }] });
  const model = await hub.pull(repository.id);
  expect(storedSha256(hub.store, model)).toBe(smallModel.sha256);
  expect(hub.store.list()).toHaveLength(1);
  expect(hub.files().filter((file) => file.startsWith("blobs/"))).toEqual([`blobs/sha256-${smallModel.sha256}`]);
});

test("a mirror that describes no blobs is asked for its tree, page by page", async () => {
  await using hub = hubHarness({ repositories: [repository], describesBlobs: false, treePageEntries: 2 });
  const model = await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0");
  expect(storedSha256(hub.store, model)).toBe(smallModel.sha256);
  expect(hub.fixture.requests.filter(({ path }) => path.includes("/tree/"))).toHaveLength(3);
});

test("a model kept in git itself is verified by git's hash", async () => {
  const bytes = smallModel.read(0, smallModel.sizeBytes); // the synthetic content itself has no git hash
  const small = { id: "org/small", files: [{ path: "small-F16.gguf", content: bytes, lfs: false }] };
  await using hub = hubHarness({ repositories: [small] });
  expect(storedSha256(hub.store, await hub.pull("org/small"))).toBe(smallModel.sha256);
});

test("the token goes to the endpoint and never to the content network", async () => {
  await using hub = hubHarness({ repositories: [{ ...repository, gated: "auto", readers: ["hf_good"] }] });
  await hub.pull("Org/Llama-3.2-3B-Instruct-GGUF:Q8_0", { settings: { token: "hf_good" } });
  const tokens = (door: string) =>
    new Set(hub.fixture.requests.filter((r) => r.door === door).map((r) => r.authorization));
  expect(tokens("api")).toEqual(new Set(["Bearer hf_good"]));
  expect(tokens("resolve")).toEqual(new Set(["Bearer hf_good"]));
  expect(tokens("cdn")).toEqual(new Set([undefined]));
});

test("with HF_HUB_OFFLINE a model that is here is enough, and no request is made", async () => {
  await using hub = hubHarness({ repositories: [repository] });
  const offline = { settings: { offline: true } };
  expect(await hub.failure(repository.id, offline)).toBe(
    `hub_unavailable: cannot pull "${repository.id}": HF_HUB_OFFLINE is set`,
  );
  expect(hub.fixture.requests).toEqual([]);
  const model = await hub.pull(repository.id);
  const requests = hub.fixture.requests.length;
  expect((await hub.pull(repository.id, offline)).id).toBe(model.id);
  expect(hub.fixture.requests).toHaveLength(requests);
});
