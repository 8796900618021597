import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import { parseAddress, type ServerAddress } from "./address.ts";
import type { ConfigFlags, Environment } from "./config.ts";
import { listenAddress } from "./listen-address.ts";

export const routerPolicies = ["prefix", "least-busy", "round-robin"] as const;

/** How a node is chosen for a request. */
export type RouterPolicy = (typeof routerPolicies)[number];

/** How a router serves, and how nodes and people find it. */
export interface RouterSettings {
  /** Where `router` commands connect. */
  readonly router: ServerAddress;
  /** Where `router serve` listens. */
  readonly routerListen: ServerAddress;
  /** Its database; the keys of nodes are in a folder beside it. */
  readonly routerDb: string;
  /** Its aliases and fallbacks of models, in TOML. */
  readonly routerNames: string;
  readonly policy: RouterPolicy;
  /** The router in whose cluster `node serve` takes part. */
  readonly join?: JoinSettings;
}

export interface JoinSettings {
  readonly routerUrl: string;
  /** Needed once: what it gives is kept. */
  readonly token?: string;
  /** Where others reach the node: a URL, or a host with or without a port. Absent = the address that it has on the way to the router. */
  readonly advertise?: string;
  /** Folder of what the router has given. */
  readonly dir: string;
}

const defaultRouterPort = 32_768;

/** The part of the configuration that concerns routers. Throws `invalid_argument`, which names the variable. */
export const routerSettings = (env: Environment, flags: ConfigFlags, dataDir: string): RouterSettings => {
  const own = env.LLMLB_ROUTER_HOST
    ? parseAddress(env.LLMLB_ROUTER_HOST, defaultRouterPort, "LLMLB_ROUTER_HOST")
    : undefined;
  const standard = parseAddress("127.0.0.1", defaultRouterPort, "LLMLB_ROUTER_HOST");
  const joining = joinSettings(env, flags, dataDir);
  return {
    router: own ?? (env.LLMLB_HOST ? parseAddress(env.LLMLB_HOST, defaultRouterPort, "LLMLB_HOST") : standard),
    // LLMLB_HOST names the server that clients talk to, often a node on this machine: a router does not listen there.
    routerListen: listenAddress(own ?? standard, flags),
    routerDb: env.LLMLB_ROUTER_DB || join(dataDir, "router.db"),
    routerNames: env.LLMLB_ROUTER_CONFIG || join(dataDir, "router.toml"),
    policy: policyFlag(flags.policy),
    ...(joining && { join: joining }),
  };
};

const policyFlag = (text = "prefix"): RouterPolicy => {
  const policy = routerPolicies.find((one) => one === text);
  if (policy) return policy;
  throw new AppError("invalid_argument", `invalid --policy "${text}": expected ${routerPolicies.join(", ")}`);
};

const joinSettings = (env: Environment, flags: ConfigFlags, dataDir: string): JoinSettings | undefined => {
  const url = flags.router ?? env.LLMLB_ROUTER_URL?.trim();
  const token = flags.joinToken ?? env.LLMLB_JOIN_TOKEN?.trim();
  if (!url && !flags.joinToken && !flags.advertise) return undefined; // the variables alone may be a whole machine's
  if (!url) throw new AppError("invalid_argument", "--join-token and --advertise need --router");
  const routerUrl = parseAddress(url, defaultRouterPort, flags.router ? "--router" : "LLMLB_ROUTER_URL").baseUrl;
  const advertise = flags.advertise ?? env.LLMLB_ADVERTISE?.trim();
  return {
    routerUrl,
    ...(token ? { token } : {}),
    ...(advertise ? { advertise: checked(advertise) } : {}),
    dir: join(dataDir, "joined"),
  };
};

const checked = (advertise: string): string => {
  parseAddress(advertise, 0, "--advertise");
  return advertise.trim();
};
