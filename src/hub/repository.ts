import { AppError } from "../core/errors.ts";
import { isRecord } from "../core/json.ts";
import type { HubRef } from "../core/model-ref.ts";
import { readBounded } from "./bounded-body.ts";
import type { HubContext } from "./hub-context.ts";
import { gatedError } from "./hub-error.ts";
import { hubRequest } from "./hub-request.ts";
import { listTree } from "./list-tree.ts";
import { describeFile, isSafePath, type RepositoryFile } from "./repository-file.ts";

/** A model repository at one commit. */
export interface Repository {
  /** In the Hub's own letter case. */
  org: string;
  name: string;
  /** Every later request names it, so that all files are of one state. */
  commit: string;
  files: RepositoryFile[];
  /** License id of the model card. */
  license?: string;
}

const metadataMaxBytes = 64 * 1024 * 1024; // 100,000 files with their hashes are about 25 MB
const filesMax = 200_000;

/** Asks the Hub what a repository holds, with one request. Throws before anything is written when the model is gated and there is no token. */
export const fetchRepository = async (context: HubContext, ref: HubRef): Promise<Repository> => {
  const { endpoint } = context.settings;
  const id = `${ref.org}/${ref.name}`;
  const revision = ref.revision === undefined ? "" : `/revision/${encodeURIComponent(ref.revision)}`;
  const subject = { repository: id, ...(ref.revision === undefined ? {} : { revision: ref.revision }) };
  const { response, elsewhere } = await hubRequest(
    context,
    `${endpoint}/api/models/${id}${revision}?blobs=true`,
    subject,
  );
  if (elsewhere !== undefined) throw notAHub(endpoint);
  const info = parseInfo(await readBounded(response, metadataMaxBytes, `the description of "${id}"`), endpoint);
  const [org = "", name = ""] = idOf(info, id).split("/");
  if (info.disabled === true) throw new AppError("forbidden", `model "${id}" is disabled on ${new URL(endpoint).host}`);
  if (info.gated !== undefined && info.gated !== false && !context.settings.token)
    throw gatedError(`${org}/${name}`, context.settings, false);
  const commit = typeof info.sha === "string" && /^[0-9a-f]{40,64}$/.test(info.sha) ? info.sha : ref.revision;
  const repository: Repository = { org, name, commit: commit ?? "main", files: filesOf(info, endpoint) };
  const license = licenseOf(info);
  if (license !== undefined) repository.license = license;
  if (needsTree(repository.files)) repository.files = await listTree(context, repository);
  return repository;
};

const notAHub = (endpoint: string) =>
  new AppError("hub_unavailable", `${endpoint} does not answer as a Hugging Face Hub; check HF_ENDPOINT`);

const parseInfo = (bytes: Uint8Array, endpoint: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isRecord(value)) return value;
  } catch {
    // falls through: an HTML page of a captive portal is no Hub either
  }
  throw notAHub(endpoint);
};

/** The Hub's own spelling; it becomes a folder name, so it is held to the same rules as what users type. */
const idOf = (info: Record<string, unknown>, asked: string): string => {
  const id = typeof info.id === "string" ? info.id : asked;
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*\/[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(id) && !id.includes("..") ? id : asked;
};

const filesOf = (info: Record<string, unknown>, endpoint: string): RepositoryFile[] => {
  if (!Array.isArray(info.siblings)) throw notAHub(endpoint);
  if (info.siblings.length > filesMax)
    throw new AppError("unsupported", `the repository has more than ${filesMax} files`);
  return info.siblings.flatMap((sibling: unknown) => {
    if (!isRecord(sibling) || typeof sibling.rfilename !== "string" || !isSafePath(sibling.rfilename)) return [];
    const lfs = isRecord(sibling.lfs) ? sibling.lfs : {};
    return [
      describeFile(sibling.rfilename, { size: lfs.size ?? sibling.size, sha256: lfs.sha256, gitSha1: sibling.blobId }),
    ];
  });
};

/** Some mirrors ignore `blobs=true`; then sizes and hashes come from the tree. */
const needsTree = (files: RepositoryFile[]): boolean =>
  files.some(({ path, sizeBytes }) => /\.(gguf|safetensors)$/i.test(path) && sizeBytes === undefined);

const licenseOf = (info: Record<string, unknown>): string | undefined => {
  const card = isRecord(info.cardData) ? info.cardData.license : undefined;
  const tags = Array.isArray(info.tags) ? info.tags : [];
  const tag = tags.find((text): text is string => typeof text === "string" && text.startsWith("license:"));
  const license = typeof card === "string" ? card : tag?.slice("license:".length);
  return license && license.length <= 100 && !/\p{Cc}/u.test(license) ? license : undefined;
};
