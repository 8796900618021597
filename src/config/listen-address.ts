import { AppError } from "../core/errors.ts";
import { parseAddress, type ServerAddress } from "./address.ts";

/** Where a server listens: `base`, unless `--host` and `--port` say otherwise. Throws `invalid_argument`, which names the flag. */
export const listenAddress = (base: ServerAddress, flags: { host?: string; port?: string }): ServerAddress => {
  if (flags.host === undefined && flags.port === undefined) return base;
  const port = flags.port === undefined ? base.port : portFlag(flags.port);
  const host = flags.host ?? base.hostname;
  return { ...parseAddress(host, port, "--host"), ...(flags.port === undefined ? {} : withPort(host, port)) };
};

const withPort = (host: string, port: number) => {
  const { hostname } = parseAddress(host, port, "--host");
  return parseAddress(hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`, port, "--host");
};

const portFlag = (text: string): number => {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new AppError("invalid_argument", `invalid --port "${text}": expected 0 to 65535`);
  return port;
};
