import { AppError } from "../core/errors.ts";
import { hideLogin } from "../core/hide-login.ts";

export interface ServerAddress {
  hostname: string;
  port: number;
  /** Where a client reaches it, without a trailing slash. */
  baseUrl: string;
}

const invalid = (variable: string, text: string, reason: string): never => {
  throw new AppError("invalid_argument", `invalid ${variable} "${hideLogin(text)}": ${reason}`);
};

/** Quotes and spaces around the value are a common slip in shell profiles and unit files; Ollama forgives them too. */
const unquote = (text: string) =>
  text
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2")
    .trim();

/**
 * Parses `host`, `host:port`, `:port`, `http(s)://host[:port][/path]`, `[ipv6]:port` and bare IPv6.
 * A URL without a port means its scheme's own port. `variable` names the source in the error.
 */
export const parseAddress = (text: string, defaultPort: number, variable: string): ServerAddress => {
  const value = unquote(text);
  if (/[\s\p{Cc}]/u.test(value)) invalid(variable, text, "it contains white space or control characters");
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*)$/is.exec(value) ?? [];
  const slash = rest.indexOf("/");
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const path = slash === -1 ? "" : rest.slice(slash).replace(/\/+$/, "");
  if (!scheme && /^[a-z][a-z0-9+.-]*:\/\//i.test(value)) invalid(variable, text, "only http:// and https:// are known");
  const { hostname, port } =
    splitAuthority(authority) ?? invalid(variable, text, "expected host, host:port, :port, [ipv6]:port or a URL");
  const protocol = scheme?.toLowerCase() ?? "http";
  const schemePort = protocol === "https" ? 443 : 80;
  const portNumber = port === undefined ? (scheme ? schemePort : defaultPort) : Number(port);
  if (portNumber > 65_535) invalid(variable, text, "the port is above 65535");
  // 0.0.0.0 and :: are for listening; a client on the same machine reaches them by loopback.
  const reachable = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  const shownHost = reachable.includes(":") ? `[${reachable}]` : reachable;
  const baseUrl = `${protocol}://${shownHost}:${portNumber}${path}`;
  if (!URL.canParse(baseUrl)) invalid(variable, text, `"${hostname}" is no host name or address`);
  return { hostname, port: portNumber, baseUrl };
};

const splitAuthority = (authority: string): { hostname: string; port?: string } | undefined => {
  if (authority.split(":").length > 2 && /^[0-9a-fA-F:.]+$/.test(authority)) return { hostname: authority };
  const [matched, ipv6, name, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]*))(?::(\d{1,5}))?$/.exec(authority) ?? [];
  if (matched === undefined) return undefined;
  const hostname = ipv6 ?? (name || "127.0.0.1");
  return port === undefined ? { hostname } : { hostname, port };
};
