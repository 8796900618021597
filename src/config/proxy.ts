import type { Environment } from "./config.ts";

/**
 * Host and port of the proxy that a request to `url` goes through, by the rules that fetch itself follows; for messages, so without
 * the login that its address may hold. Undefined where there is none, and where a network in NO_PROXY may be meant.
 */
export const proxyOf = (env: Environment, url: string): string | undefined => {
  if (!URL.canParse(url)) return undefined;
  const { protocol, host, hostname } = new URL(url);
  const address = variable(env, protocol === "https:" ? "https_proxy" : "http_proxy") || variable(env, "all_proxy");
  if (!address || isExcluded(variable(env, "no_proxy"), host, hostname)) return undefined;
  const absolute = address.includes("://") ? address : `http://${address}`;
  return URL.canParse(absolute) ? new URL(absolute).host : undefined;
};

const variable = (env: Environment, name: string): string => env[name] || env[name.toUpperCase()] || "";

const isExcluded = (list: string, host: string, hostname: string): boolean =>
  list
    .split(",")
    .map((entry) => entry.trim().toLowerCase().replace(/^\./, ""))
    .some(
      (entry) =>
        entry !== "" &&
        (entry === "*" ||
          entry.includes("/") ||
          [host, hostname].some((name) => name === entry || name.endsWith(`.${entry}`))),
    );
