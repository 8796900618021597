import { AppError } from "../core/errors.ts";
import { isRecord, parseJson } from "../core/json.ts";
import { readBounded } from "./bounded-body.ts";
import { type HubContext, hubHost } from "./hub-context.ts";
import { onEndpoint } from "./hub-fetch.ts";
import { hubRequest } from "./hub-request.ts";
import { describeFile, isSafePath, type RepositoryFile } from "./repository-file.ts";

const filesMax = 200_000;
const pagesMax = 1_000; // of 1,000 entries each
const pageMaxBytes = 16 * 1024 * 1024; // an entry has about 300 bytes

/** Lists a repository's files with sizes and hashes from the Hub's tree, page by page. */
export const listTree = async (
  context: HubContext,
  { org, name, commit }: { org: string; name: string; commit: string },
): Promise<RepositoryFile[]> => {
  const { listFiles } = await import("@huggingface/hub"); // only for mirrors that need it: it costs start-up time
  const repository = `${org}/${name}`;
  let pages = 0;
  const request = async (input: string | URL | Request): Promise<Response> => {
    if (++pages > pagesMax) throw new AppError("hub_unavailable", `the file list of "${repository}" does not end`);
    const url = onEndpoint(input instanceof Request ? input.url : String(input), context.settings.endpoint);
    // Our request, because the library drops X-Error-Code and insists on tokens that start with hf_.
    return await checkedPage(context, (await hubRequest(context, url, { repository })).response);
  };
  const files: RepositoryFile[] = [];
  const entries = listFiles({
    repo: { type: "model", name: repository },
    revision: commit,
    recursive: true,
    hubUrl: context.settings.endpoint,
    fetch: Object.assign(request, { preconnect: fetch.preconnect }),
  });
  for await (const { type, path, size, oid, lfs } of entries) {
    if (type !== "file" || !isSafePath(path)) continue;
    files.push(describeFile(path, { size: lfs?.size ?? size, sha256: lfs?.oid, gitSha1: oid }));
    if (files.length >= filesMax) break;
  }
  return files;
};

/** The library reads a page to its end, however long, and takes it for a list of entries, whatever it is. */
const checkedPage = async ({ settings }: HubContext, response: Response): Promise<Response> => {
  const bytes = await readBounded(response, pageMaxBytes, "a page of the file list");
  const entries = parseJson(new TextDecoder().decode(bytes));
  if (!Array.isArray(entries))
    throw new AppError("hub_unavailable", `${hubHost(settings)} does not list files as a Hugging Face Hub does`);
  const link = response.headers.get("link");
  return Response.json(entries.filter(isEntry), { headers: link === null ? {} : { link } });
};

const isEntry = (entry: unknown): boolean => isRecord(entry) && typeof entry.path === "string";
