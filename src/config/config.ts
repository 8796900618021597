import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { AppError } from "../core/errors.ts";
import { hideLogin } from "../core/hide-login.ts";
import type { HubSettings } from "../core/hub-settings.ts";
import { parseAddress, type ServerAddress } from "./address.ts";
import { type EngineSettings, engineSettings } from "./engine-settings.ts";
import { listenAddress } from "./listen-address.ts";
import { proxyOf } from "./proxy.ts";
import { type RouterSettings, routerSettings } from "./router-settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What command-line flags override. */
export interface ConfigFlags {
  host?: string;
  port?: string;
  tlsCert?: string;
  tlsKey?: string;
  policy?: string;
  router?: string;
  joinToken?: string;
  advertise?: string;
}

export interface Config extends EngineSettings, RouterSettings {
  /** Where `node serve` listens and where `node` commands connect. */
  readonly node: ServerAddress;
  /** Who asks a server has to send it, and clients do. */
  readonly apiKey?: string;
  /** Origins of pages on other hosts that may ask the server; `*` = any. */
  readonly origins: readonly string[];
  /** A request may name a picture by its address on the internet. */
  readonly allowImageUrls: boolean;
  /** Absent = plain HTTP. */
  readonly tls?: { certFile: string; keyFile: string };
  /** 0 = info and up, 1 = debug, 2 = trace (LLMLB_DEBUG). */
  readonly debugLevel: 0 | 1 | 2;
  readonly modelsDir: string;
  /** Ollama's own models folders, which are only read; whether they exist is seen when they are. */
  readonly ollamaDirs: readonly string[];
  /** Private folder for what can be made again, such as extracted native libraries. */
  readonly cacheDir: string;
  readonly historyFile: string;
  readonly hub: HubSettings;
  /** Where `upgrade` and `gpu install` find releases. */
  readonly releasesUrl: string;
  /** What child processes inherit a part of. */
  readonly environment: Environment;
}

const defaultNodePort = 32_769;

/** Reads every setting once. Throws `invalid_argument`, which names the variable, on a value that cannot be understood. */
export const loadConfig = (env: Environment, flags: ConfigFlags = {}): Config => {
  const home = env.HOME ?? env.USERPROFILE ?? homedir();
  const dataDir = join(home, ".llmlb");
  return Object.freeze({
    node: listenAddress(parseAddress(env.LLMLB_HOST || "127.0.0.1", defaultNodePort, "LLMLB_HOST"), flags),
    ...(env.LLMLB_API_KEY?.trim() ? { apiKey: env.LLMLB_API_KEY.trim() } : {}),
    origins: (env.LLMLB_ORIGINS ?? "").split(",").flatMap((origin) => origin.trim().replace(/\/+$/, "") || []),
    allowImageUrls: isOn(env.LLMLB_ALLOW_IMAGE_URLS),
    ...tlsFiles(flags),
    debugLevel: debugLevel(env.LLMLB_DEBUG),
    modelsDir: env.LLMLB_MODELS || join(dataDir, "models"),
    ollamaDirs: ollamaDirs(env, home),
    cacheDir: env.LLMLB_CACHE || join(env.XDG_CACHE_HOME || join(home, ".cache"), "llmlb"),
    historyFile: join(dataDir, "history"),
    ...engineSettings(env),
    ...routerSettings(env, flags, dataDir),
    hub: hubSettings(env, home),
    releasesUrl: releasesUrl(env.LLMLB_DOWNLOAD_URL),
    environment: env,
  });
};

/** A mirror may be reached by plain http: whoever names it knows their network, and what is downloaded is signed. */
const releasesUrl = (text = ""): string => {
  const url = text.trim().replace(/\/+$/, "") || "https://github.com/llmlb/llmlb/releases";
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw new AppError("invalid_argument", `invalid LLMLB_DOWNLOAD_URL "${hideLogin(url)}": expected an http(s) address`);
};

/** As Ollama reads its variable, quotes and all; without it, the folder of a user's server and that of the system's. */
const ollamaDirs = (env: Environment, home: string): string[] => {
  const named = (env.OLLAMA_MODELS ?? "").trim().replace(/^["']+|["']+$/g, "");
  return named ? [resolve(named)] : [join(home, ".ollama", "models"), "/usr/share/ollama/.ollama/models"];
};

const tlsFiles = ({ tlsCert, tlsKey }: ConfigFlags): Pick<Config, "tls"> => {
  if (tlsCert === undefined && tlsKey === undefined) return {};
  if (tlsCert && tlsKey) return { tls: { certFile: tlsCert, keyFile: tlsKey } };
  throw new AppError("invalid_argument", "--tls-cert and --tls-key belong together");
};

const debugLevel = (text = ""): 0 | 1 | 2 => {
  const value = text.trim().toLowerCase();
  if (["", "0", "false", "off", "no"].includes(value)) return 0;
  return value === "2" || value === "trace" ? 2 : 1;
};

const hubSettings = (env: Environment, home: string): HubSettings => {
  const hfHome = env.HF_HOME || join(env.XDG_CACHE_HOME || join(home, ".cache"), "huggingface");
  const token = env.HF_TOKEN?.trim() || readToken(env.HF_TOKEN_PATH || join(hfHome, "token"));
  const { endpoint, login } = splitLogin((env.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, ""));
  const proxy = proxyOf(env, endpoint);
  return {
    endpoint,
    ...(login ? { login } : {}),
    ...(proxy ? { proxy } : {}),
    ...(token ? { token } : {}),
    offline: isOn(env.HF_HUB_OFFLINE),
    ...(isOn(env.HF_HUB_DISABLE_XET) ? { xetDisabled: true } : {}),
    cacheDir: env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(hfHome, "hub"),
  };
};

/** The endpoint stands in messages, in manifests and in names of files; what its address says of an account stays out of it. */
const splitLogin = (address: string): { endpoint: string; login?: string } => {
  const [, scheme, login, rest] = /^(https?:\/\/)([^/@]*)@(.*)$/i.exec(address) ?? [];
  return login === undefined ? { endpoint: address } : { endpoint: `${scheme}${rest}`, login: decodeLogin(login) };
};

const decodeLogin = (login: string): string => {
  try {
    return decodeURIComponent(login);
  } catch {
    return login;
  }
};

/** As huggingface_hub reads its switches. */
const isOn = (text = ""): boolean => ["1", "on", "yes", "true"].includes(text.toLowerCase());

const readToken = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined; // most users have none
  }
};
