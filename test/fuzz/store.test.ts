import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatModelRef, parseModelRef } from "../../src/core/model-ref.ts";
import { addRange, type ByteRanges, missingRanges, parseRanges, rangesTotal } from "../../src/store/byte-ranges.ts";
import { readConversion, writeConversion } from "../../src/store/conversion-folder.ts";
import { isDigest, parseAliasFile, parseManifest } from "../../src/store/manifest.ts";
import { parseOllamaConfig, parseOllamaManifest, parseParameterSize } from "../../src/store/ollama-manifest.ts";
import { openStore } from "../../src/store/open-store.ts";
import { openJournal, readPartial } from "../../src/store/partial-journal.ts";
import { storeLayout } from "../../src/store/store-layout.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { ollamaFolder } from "../fakes/ollama-folder.ts";
import { allowed, anyJson, changedBytes, changedJson, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-fuzz-store-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const digest = `sha256:${"ab".repeat(32)}`;
const model = { host: "huggingface.co", org: "org", name: "name", tag: "Q4_K_M" };
const manifest = {
  schemaVersion: 1,
  model,
  defaultTag: "Q4_K_M",
  source: {
    ...{ endpoint: "https://huggingface.co", repository: "org/name", commit: "c0ffee", revision: "main" },
    ...{ file: "m.gguf", recipe: { type: "Q4_K_M", sources: "x", converter: 1, llamaCpp: "b1" } },
  },
  files: [{ role: "model", name: "m.gguf", digest, sizeBytes: 10 }],
  details: {
    ...{ format: "gguf", architecture: "llama", parameterCount: 1, quantization: "Q4_K_M", contextLength: 1 },
    ...{ embeddingLength: 1, capabilities: ["completion"], license: "mit" },
    shape: { sizeBytes: 1, kvElementsPerToken: 1, widest: 1, vocabulary: 1 },
  },
  pulledAt: "2026-01-01T00:00:00Z",
};
const alias = { schemaVersion: 1, alias: "short", model, copied: true };

/** A document as text: changed as a value, or in its bytes. */
const asText = (document: unknown): fc.Arbitrary<string> =>
  fc.oneof(
    fc.oneof(changedJson(document), anyJson).map((value) => JSON.stringify(value) ?? ""),
    changedBytes(Buffer.from(JSON.stringify(document))).map((bytes) => Buffer.from(bytes).toString()),
  );

test(
  "a manifest and an alias are understood or refused in words",
  () =>
    holds(fc.tuple(asText(manifest), asText(alias)), ([manifestText, aliasText]) => {
      const layout = storeLayout(dir);
      const read = parseManifest(manifestText);
      if (typeof read !== "string") {
        expect(layout.manifest(read.model).startsWith(`${layout.manifests}/`)).toBe(true);
        for (const file of read.files) expect(layout.blob(file.digest).startsWith(`${layout.blobs}/`)).toBe(true);
        expect(parseManifest(JSON.stringify(read))).toEqual(read);
      }
      const target = parseAliasFile(aliasText);
      if (typeof target !== "string") layout.manifest(target);
    }),
  fuzzTimeoutMs,
);

const layer = (kind: string) => ({ mediaType: `application/vnd.ollama.image.${kind}`, digest, size: 10 });
const ollamaManifest = {
  schemaVersion: 2,
  config: { mediaType: "application/vnd.docker.container.image.v1+json", digest, size: 5 },
  layers: [layer("model"), layer("params"), layer("template")],
};
const ollamaConfig = {
  ...{ model_format: "gguf", model_family: "llama", model_type: "3.2B", file_type: "Q4_K_M" },
  remote_host: "https://ollama.com",
};

test(
  "Ollama's manifest and config blob are understood or refused in words",
  () =>
    holds(fc.tuple(asText(ollamaManifest), asText(ollamaConfig), nastyText), ([manifestText, configText, size]) => {
      const read = parseOllamaManifest(manifestText);
      if (typeof read !== "string") {
        expect(read.layers.every((one) => isDigest(one.digest) && Number.isSafeInteger(one.sizeBytes))).toBe(true);
        expect(read.sizeBytes).toBeGreaterThanOrEqual(0);
      }
      const config = parseOllamaConfig(configText);
      for (const word of Object.values(config)) expect(word.length).toBeLessThanOrEqual(200);
      expect(parseParameterSize(config.parameterSize)).toBeGreaterThanOrEqual(0);
      expect(parseParameterSize(size)).toBeGreaterThanOrEqual(0);
    }),
  fuzzTimeoutMs,
);

test(
  "a store of damaged files is listed",
  () =>
    holds(
      fc.record({
        own: asText(manifest),
        alias: asText(alias),
        ollama: asText(ollamaManifest),
        layers: fc.record({ params: asText({ temperature: 1 }), messages: asText([{ role: "user", content: "hi" }]) }),
        config: anyJson,
      }),
      (files) => {
        const root = mkdtempSync(join(dir, "case-"));
        const layout = storeLayout(join(root, "models"));
        for (const [path, text] of [
          [layout.manifest(model), files.own],
          [layout.alias("short"), files.alias],
        ] as const) {
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, text);
        }
        const ollama = ollamaFolder(join(root, "ollama"));
        ollama.addManifest("registry.ollama.ai/library/broken/latest", files.ollama);
        ollama.add({
          path: "registry.ollama.ai/library/whole/latest",
          config: files.config as Record<string, unknown>,
          layers: [["model", "x"], ...Object.entries(files.layers)],
        });
        const store = openStore(join(root, "models"), { clock: manualClock(), ollamaDirs: [ollama.root] });
        const models = store.list();
        expect(models.some(({ name }) => name === "ollama:whole")).toBe(true);
        for (const one of models) {
          store.settings(one);
          expect(store.find(parseModelRef(one.name))?.id).toBe(one.id);
          for (const name of one.aliases) formatModelRef(parseModelRef(name));
        }
        rmSync(root, { recursive: true });
      },
      { runs: 25 },
    ),
  fuzzTimeoutMs,
);

const sizeBytes = 1000;
const identity = { model, isDefault: true, file: "m.gguf", etag: "e", sizeBytes };
const ranges: fc.Arbitrary<ByteRanges> = fc
  .array(fc.tuple(fc.nat(sizeBytes), fc.nat(sizeBytes)), { maxLength: 8 })
  .map((pairs) => pairs.reduce<ByteRanges>((all, [a, b]) => addRange(all, [Math.min(a, b), Math.max(a, b)]), []));

test(
  "ranges of a journal: what is written is read back, and all else lies inside the file",
  () =>
    holds(fc.tuple(ranges, anyJson), ([some, garbage]) => {
      expect(parseRanges(JSON.parse(JSON.stringify(some)), sizeBytes)).toEqual(some);
      const missing = missingRanges(some, sizeBytes);
      expect(rangesTotal(some) + rangesTotal(missing)).toBe(sizeBytes);
      const read = parseRanges(garbage, sizeBytes);
      if (read) expect(rangesTotal(read)).toBeLessThanOrEqual(sizeBytes);
    }),
  fuzzTimeoutMs,
);

test(
  "the journal of a download goes on where it stopped, a damaged one from what can be trusted",
  () =>
    holds(
      fc.tuple(ranges, ranges, fc.option(asText({ schemaVersion: 1, ...identity, synced: [[0, 10]] })), anyJson),
      async ([synced, written, damagedJournal, damagedWritten]) => {
        const paths = storeLayout(join(dir, "downloads")).partial(`sha256-${"0".repeat(64)}`);
        mkdirSync(dirname(paths.data), { recursive: true });
        writeFileSync(paths.data, "");
        truncateSync(paths.data, sizeBytes);
        {
          using journal = await openJournal(paths, identity, synced);
          journal.flush(written);
        }
        const have = written.reduce(addRange, synced);
        expect(await readPartial(paths)).toEqual({ ...identity, synced, have });
        if (damagedJournal === null) writeFileSync(paths.written, JSON.stringify(damagedWritten) ?? "");
        else writeFileSync(paths.journal, damagedJournal);
        const left = await readPartial(paths);
        if (left) expect(rangesTotal(left.have)).toBeLessThanOrEqual(sizeBytes);
      },
      { runs: 40 },
    ),
  fuzzTimeoutMs,
);

test(
  "the record of a conversion is read back, a damaged one names no file outside of its folder",
  () =>
    holds(
      asText({
        ...{ schemaVersion: 1, model, isDefault: true, finished: [{ name: "BF16.gguf", sizeBytes: 3 }] },
        begun: [{ name: "F16.gguf", sizeBytes: 3, spent: ["1"] }],
      }),
      async (text) => {
        const paths = storeLayout(join(dir, "conversions")).conversion("c".repeat(64));
        mkdirSync(paths.dir, { recursive: true });
        writeFileSync(join(paths.dir, "BF16.gguf"), "abc");
        const record = { model, isDefault: true, finished: [{ name: "BF16.gguf", sizeBytes: 3 }], begun: [] };
        await writeConversion(paths, record);
        expect(await readConversion(paths)).toEqual(record);
        writeFileSync(paths.record, text);
        const read = await allowed(() => readConversion(paths));
        for (const { name } of [...(read?.finished ?? []), ...(read?.begun ?? [])]) expect(name).toMatch(/^\w+\.gguf$/);
      },
      { runs: 40 },
    ),
  fuzzTimeoutMs,
);
