import { AppError } from "./errors.ts";
import { hideLogin } from "./hide-login.ts";

/** A model on a Hub: `org/name`, perhaps with a quantization or a file and a revision. */
export interface HubRef {
  kind: "hub";
  org: string;
  name: string;
  /** Quantization as the user wrote it, e.g. `q4_k_m`; compare in upper case. Absent = the repository's default. */
  quant?: string;
  /** Exact file of the repository, e.g. `model-Q4_K_M.gguf`. */
  file?: string;
  revision?: string;
}

/** A short name made at pull: `llama3.2-3b`, perhaps `llama3.2-3b:Q8_0`. */
export interface AliasRef {
  kind: "alias";
  alias: string;
  quant?: string;
}

/** A model in Ollama's own store, read-only. */
export interface OllamaRef {
  kind: "ollama";
  /** `name`, `user/name` or `host[:port]/user/name`. */
  name: string;
  tag: string;
}

export type ModelRef = HubRef | AliasRef | OllamaRef;

const nameMaxChars = 96; // huggingface_hub's limit for a repository id
const refMaxChars = 512; // far above any real name; keeps hostile input out of messages and paths
const hubHosts = new Set(["huggingface.co", "www.huggingface.co", "hf.co"]);

/**
 * Parses a model name as users write it: `org/name[:QUANT|:file.gguf][@revision]`, `hf.co/...`, `hf://...`,
 * `https://huggingface.co/org/name[/tree|/blob|/resolve/REV[/file]]`, an alias, or `ollama:NAME[:TAG]`.
 * `hubEndpoint` makes full URLs of a mirror (HF_ENDPOINT) valid too.
 * Throws `invalid_model_name`; touches neither disk nor network. `:latest` means no quantization.
 */
export const parseModelRef = (text: string, hubEndpoint?: string): ModelRef => {
  const invalid = (reason: string): never => {
    throw new AppError("invalid_model_name", `invalid model name "${printable(text)}": ${reason}`);
  };
  if (text === "") invalid("it is empty");
  if (text.length > refMaxChars) invalid(`it is longer than ${refMaxChars} characters`);
  checkCharacters(text, invalid);
  if (/^ollama:/i.test(text)) return parseOllama(text.slice("ollama:".length), invalid);
  if (/^https?:\/\//i.test(text)) return parseUrl(text, hubEndpoint, invalid);
  const path = text.replace(/^hf:(\/\/)?/i, "");
  const [first, ...rest] = path.split("/");
  if (first !== undefined && rest.length > 0 && hubHosts.has(first.toLowerCase()))
    return parseRepository(rest.join("/"), invalid);
  return path.includes("/") || path !== text ? parseRepository(path, invalid) : parseAlias(path, invalid);
};

/** The ref as llmlb shows it: `org/name`, `org/name:QUANT`, an alias, or `ollama:NAME[:TAG]`. */
export const formatModelRef = (ref: ModelRef): string => {
  if (ref.kind === "ollama") return `ollama:${ref.name}${ref.tag === "latest" ? "" : `:${ref.tag}`}`;
  if (ref.kind === "alias") return ref.quant ? `${ref.alias}:${ref.quant}` : ref.alias;
  const tag = ref.file ?? ref.quant;
  return `${ref.org}/${ref.name}${tag ? `:${tag}` : ""}${ref.revision ? `@${ref.revision}` : ""}`;
};

/** The same model in another quantization. Throws `invalid_argument` when `ref` names one already, or a file. */
export const withQuant = (ref: ModelRef, quant: string): HubRef | AliasRef => {
  const named = ref.kind === "ollama" || ref.quant !== undefined || (ref.kind === "hub" && ref.file !== undefined);
  if (named)
    throw new AppError(
      "invalid_argument",
      `a quantization cannot be added to "${formatModelRef(ref)}", which names one already`,
    );
  if (!quantPattern.test(quant) || quant.includes(".."))
    throw new AppError("invalid_argument", `"${printable(quant)}" is not a quantization`);
  return { ...ref, quant };
};

const quantPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

type Invalid = (reason: string) => never;

const printable = (text: string): string => {
  const shown = hideLogin(text).replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return shown.length > 100 ? `${shown.slice(0, 100)}...` : shown;
};

const parseUrl = (text: string, hubEndpoint: string | undefined, invalid: Invalid): HubRef => {
  const url = URL.canParse(text) ? new URL(text) : invalid("it is not a valid URL");
  const endpoint = hubEndpoint !== undefined && URL.canParse(hubEndpoint) ? new URL(hubEndpoint) : undefined;
  if (!hubHosts.has(url.hostname) && url.host !== endpoint?.host) invalid(`${url.host} is not a Hugging Face host`);
  const base = url.host === endpoint?.host ? endpoint.pathname.replace(/\/$/, "") : "";
  const parts = decodePath(url.pathname.slice(base.length), invalid).split("/").filter(Boolean);
  const [org, name, view, revision, ...file] = parts;
  if (org === undefined || name === undefined) return invalid("the URL names no org/name repository");
  if (view === undefined) return parseRepository(`${org}/${name}`, invalid);
  if (view !== "tree" && view !== "blob" && view !== "resolve")
    invalid(`"/${view}" is not a repository, tree, blob or resolve URL`);
  const ref = parseRepository(`${org}/${name}${revision ? `@${revision}` : ""}`, invalid);
  if (view === "tree") return ref;
  if (file.length === 0) invalid(`the "/${view}" URL names no file`);
  return { ...ref, file: checkFile(file.join("/"), invalid) };
};

const decodePath = (path: string, invalid: Invalid): string => {
  const decoded = tryDecode(path) ?? invalid("the URL has a broken percent escape");
  checkCharacters(decoded, invalid);
  return decoded;
};

const tryDecode = (path: string): string | undefined => {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
};

/** Names stand in messages, in URLs and, one day, in somebody's file system. */
const checkCharacters = (text: string, invalid: Invalid): void => {
  if (/[\s\p{Cc}]/u.test(text)) invalid("it contains white space or control characters");
  if (text.includes("\\")) invalid("it contains a backslash");
  if (!text.isWellFormed()) invalid("it contains half of a character");
};

const parseRepository = (text: string, invalid: Invalid): HubRef => {
  const [, path = "", tag, revision] =
    /^([^:@]*)(?::([^@]*))?(?:@(.*))?$/.exec(text) ?? invalid('it has more than one ":" or "@"');
  const parts = path.split("/");
  if (parts[0] === "datasets" || parts[0] === "spaces") invalid(`${parts[0]} hold no models`);
  const [org, name] = parts;
  if (hubHosts.has(org?.toLowerCase() ?? "")) invalid("a Hub's host stands where the organization should");
  if (parts.length !== 2 || org === undefined || name === undefined) return invalid("expected org/name");
  checkPart(org, "organization", invalid);
  checkPart(name, "name", invalid);
  return { kind: "hub", org, name, ...parseTag(tag, invalid), ...parseRevision(revision, invalid) };
};

const parseTag = (tag: string | undefined, invalid: Invalid): { quant?: string; file?: string } => {
  if (tag === undefined || tag.toLowerCase() === "latest") return {};
  if (tag === "") return invalid('nothing follows the ":"');
  if (/\.gguf$/i.test(tag)) return { file: checkFile(tag, invalid) };
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(tag) || tag.includes(".."))
    invalid(`"${tag}" is not a quantization or a .gguf file`);
  return { quant: tag };
};

const parseRevision = (revision: string | undefined, invalid: Invalid): { revision?: string } => {
  if (revision === undefined) return {};
  if (!/^[A-Za-z0-9][A-Za-z0-9_./-]*$/.test(revision) || revision.includes(".."))
    invalid(`"${revision}" is not a revision`);
  return { revision };
};

const checkFile = (file: string, invalid: Invalid): string => {
  if (!/\.gguf$/i.test(file)) invalid(`"${file}" is not a .gguf file`);
  const segments = file.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === ".."))
    invalid(`"${file}" is not a relative file path`);
  return file;
};

const parseAlias = (text: string, invalid: Invalid): AliasRef => {
  const [alias = "", tag, ...more] = text.split(":");
  if (more.length > 0) invalid('it has more than one ":"');
  checkPart(alias, "name", invalid);
  const { quant, file } = parseTag(tag, invalid);
  if (file) invalid("a file needs org/name before it");
  return quant ? { kind: "alias", alias, quant } : { kind: "alias", alias };
};

const parseOllama = (text: string, invalid: Invalid): OllamaRef => {
  const [, name = "", tag = "latest"] =
    /^((?:[A-Za-z0-9_.-]+(?::\d{1,5})?\/)?[A-Za-z0-9_.\-/]+)(?::([A-Za-z0-9_.-]+))?$/.exec(text) ??
    invalid("expected ollama:NAME[:TAG]");
  if (`${name}/${tag}`.split("/").some((part) => part === "" || /^\.+$/.test(part)))
    invalid("expected ollama:NAME[:TAG]");
  return { kind: "ollama", name, tag };
};

/** The rules of huggingface_hub's validate_repo_id, which the Hub enforces on every name. */
const checkPart = (part: string, what: string, invalid: Invalid): void => {
  if (part === "") invalid(`its ${what} is empty`);
  if (part.length > nameMaxChars) invalid(`its ${what} is longer than ${nameMaxChars} characters`);
  if (!/^[A-Za-z0-9_.-]+$/.test(part)) invalid(`its ${what} may hold only letters, digits, "-", "_" and "."`);
  if (part.includes("--") || part.includes("..")) invalid(`its ${what} contains "--" or ".."`);
  if (/^[-.]|[-.]$/.test(part)) invalid(`its ${what} starts or ends with "-" or "."`);
  if (part.endsWith(".git")) invalid(`its ${what} ends with ".git"`);
};
