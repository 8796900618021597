import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syntheticModel } from "../../scripts/fixtures/hub-content.ts";
import type { Log } from "../../src/core/log.ts";
import { silentLog } from "../../src/core/log.ts";
import { type ModelRef, parseModelRef } from "../../src/core/model-ref.ts";
import { openStore, type Store } from "../../src/store/open-store.ts";
import type { NewModel } from "../../src/store/publish-model.ts";
import type { StoredModel } from "../../src/store/scan-models.ts";
import { type ManualClock, manualClock } from "../fakes/manual-clock.ts";

export interface StoreHarness extends Disposable {
  dir: string;
  store: Store;
  clock: ManualClock;
  warnings: string[];
  /** Publishes a model whose content is made from `content`: the same number, the same blob. */
  add(name: string, content: number, options?: Partial<NewModel>): Promise<StoredModel>;
}

export const storeHarness = (): StoreHarness => {
  const root = mkdtempSync(join(tmpdir(), "llmlb-store-"));
  const dir = join(root, "models");
  const clock = manualClock();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  const store = openStore(dir, { clock, log });
  return {
    dir,
    store,
    clock,
    warnings,
    async add(name, content, options = {}) {
      const request = await newModel(store, name, content);
      const publication = await store.publish({ ...request, ...options });
      if (publication.kind !== "published") throw new Error("the model was not published");
      return publication.model;
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
};

/** A verified download, as `publish` takes it; `name` is `org/name:TAG`. */
export const newModel = async (store: Store, name: string, content: number): Promise<NewModel> => {
  const [repository = "", tag = "Q4_K_M"] = name.split(":");
  const [org = "", repositoryName = ""] = repository.split("/");
  const { sizeBytes, sha256, read } = syntheticModel(20_000 + content);
  const { data } = store.layout.partial(`sha256-${sha256}`);
  await mkdir(store.layout.partials, { recursive: true });
  writeFileSync(data, read(0, sizeBytes));
  return {
    model: { host: "huggingface.co", org, name: repositoryName, tag },
    defaultTag: "Q4_K_M",
    source: {
      endpoint: "https://huggingface.co",
      repository,
      commit: "c".repeat(40),
      file: `${repositoryName}-${tag}.gguf`,
    },
    files: [
      {
        role: "model",
        name: `${repositoryName}-${tag}.gguf`,
        digest: `sha256:${sha256}`,
        sizeBytes,
        content: { kind: "partial", path: data },
      },
    ],
    quantization: tag,
  };
};

export const ref = (name: string): ModelRef => parseModelRef(name);
