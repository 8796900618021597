import { mkdir, rename, rm } from "node:fs/promises";
import { syncFile, syncFolder, writeFileDurably } from "./durable-file.ts";
import { sizeOf } from "./file-size.ts";
import { findModel } from "./find-model.ts";
import { freeBlobs } from "./free-blobs.ts";
import {
  type FileRole,
  type Manifest,
  type ModelName,
  type ModelSource,
  type StoredFile,
  storeSchemaVersion,
} from "./manifest.ts";
import { readModelDetails } from "./model-details.ts";
import { type StoredModel, type StoreScan, sameModel } from "./scan-models.ts";
import { shortNames } from "./short-name.ts";
import type { StoreContext } from "./store-context.ts";

/** A file of a model to publish, already verified against its digest. */
export interface NewFile {
  role: FileRole;
  name: string;
  digest: string;
  sizeBytes: number;
  content: { kind: "partial"; path: string } | { kind: "bytes"; bytes: Uint8Array } | { kind: "stored" };
}

export interface NewModel {
  model: ModelName;
  defaultTag: string;
  source: ModelSource;
  files: NewFile[];
  /** License id of the repository, where it says one. */
  license?: string;
  /** Quantization that the file's name carries; it wins over the header, which knows fewer names. */
  quantization?: string;
}

/** `blobsMissing`: a blob that was there when the pull looked has been freed since; it has to be downloaded after all. */
export type Publication = { kind: "published"; model: StoredModel } | { kind: "blobsMissing"; digests: string[] };

/** Makes verified files a model. The manifest comes last and at once, so a reader sees the whole model or none of it. */
export const publishModel = async (context: StoreContext, request: NewModel): Promise<Publication> => {
  const details = await detailsOf(context, request);
  if (!details) return { kind: "blobsMissing", digests: await missingBlobs(context, request.files) };
  for (const { content } of request.files)
    if (content.kind === "partial") await syncFile(content.path).catch(isMissing);
  return await context.exclusively(async () => {
    const before = context.index.rescan();
    for (const file of request.files) await placeBlob(context, file);
    const missing = await missingBlobs(context, request.files);
    if (missing.length > 0) return { kind: "blobsMissing", digests: missing };
    await syncFolder(context.layout.blobs);
    const manifest: Manifest = {
      schemaVersion: storeSchemaVersion,
      model: canonical(before, request.model),
      defaultTag: request.defaultTag,
      source: request.source,
      files: request.files.map(({ role, name, digest, sizeBytes }): StoredFile => ({ role, name, digest, sizeBytes })),
      details: request.license === undefined ? details : { ...details, license: request.license },
      pulledAt: new Date(context.clock.now()).toISOString(),
    };
    await writeFileDurably(context.layout.manifest(manifest.model), `${JSON.stringify(manifest, null, 2)}\n`);
    await giveAlias(context, before, manifest.model);
    context.index.markChanged();
    await freeReplaced(context, before, manifest.model);
    return { kind: "published", model: publishedModel(context, manifest.model) };
  });
};

/** Undefined when a file of the model is gone, which only an `rm` beside this pull explains. */
const detailsOf = async ({ layout }: StoreContext, request: NewModel) => {
  const files = request.files.filter(({ role }) => role === "model");
  if (files.length === 0) throw new TypeError("a model needs a model file");
  const parts = files.map(({ name, digest, content }) => ({
    path: content.kind === "partial" ? content.path : layout.blob(digest),
    label: `${request.source.repository}/${name}`,
  }));
  for (const { path } of parts) if ((await sizeOf(path)) === undefined) return undefined;
  return await readModelDetails(parts, request.quantization);
};

const placeBlob = async ({ layout }: StoreContext, file: NewFile): Promise<void> => {
  const path = layout.blob(file.digest);
  await mkdir(layout.blobs, { recursive: true });
  if ((await sizeOf(path)) === file.sizeBytes) {
    if (file.content.kind === "partial") await rm(file.content.path, { force: true });
    return;
  }
  if (file.content.kind === "bytes") await writeFileDurably(path, file.content.bytes);
  if (file.content.kind === "partial") await rename(file.content.path, path).catch(isMissing);
};

/** Another publication of the same content may have moved the file already; what is not there at the end is told as missing. */
const isMissing = (error: NodeJS.ErrnoException): void => {
  if (error.code !== "ENOENT") throw error;
};

const missingBlobs = async ({ layout }: StoreContext, files: NewFile[]): Promise<string[]> => {
  const sizes = await Promise.all(files.map(({ digest }) => sizeOf(layout.blob(digest))));
  return files.filter((file, index) => sizes[index] !== file.sizeBytes).map(({ digest }) => digest);
};

/** A model pulled before keeps the letter case of its folder, or a second folder would appear beside it. */
const canonical = (before: StoreScan, wanted: ModelName): ModelName =>
  before.models.find(({ manifest }) => sameModel(manifest.model, wanted))?.manifest.model ?? wanted;

const giveAlias = async ({ layout }: StoreContext, before: StoreScan, model: ModelName): Promise<void> => {
  if ([...before.aliases.values()].some((target) => sameModel(target, model))) return; // it has one: names stay stable
  const taken = (alias: string) => findModel(before, { kind: "alias", alias }) !== undefined;
  const alias = shortNames(model.name, model.tag).find((candidate) => !taken(candidate));
  if (alias === undefined) return;
  const content = { schemaVersion: storeSchemaVersion, alias, model };
  await writeFileDurably(layout.alias(alias), `${JSON.stringify(content, null, 2)}\n`);
};

/** A newer commit of the same model replaces its manifest; what only the old one used goes. */
const freeReplaced = async (context: StoreContext, before: StoreScan, model: ModelName): Promise<void> => {
  const old = before.models.find(({ manifest }) => sameModel(manifest.model, model));
  if (old) await freeBlobs(context, old.manifest.files, context.index.rescan());
};

const publishedModel = ({ index }: StoreContext, name: ModelName): StoredModel => {
  const model = index.current().models.find(({ manifest }) => sameModel(manifest.model, name));
  if (!model) throw new Error(`the manifest of ${name.org}/${name.name} disappeared while it was written`);
  return model;
};
