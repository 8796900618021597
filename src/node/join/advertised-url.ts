import { parseAddress } from "../../config/address.ts";
import type { Config } from "../../config/config.ts";
import type { JoinSettings } from "../../config/router-settings.ts";
import { AppError } from "../../core/errors.ts";

/** The address of this machine on the way to a host; rejects when the host cannot be reached. */
export type RouteTo = (hostname: string, port: number) => Promise<string>;

/** Where the router reaches this node: as it was told, where it listens, or, when that is everywhere, by the way to the router. */
export const advertisedUrl = async (
  { node, tls }: Pick<Config, "node" | "tls">,
  { advertise, routerUrl }: JoinSettings,
  port: number,
  routeTo: RouteTo = routeByTcp,
): Promise<string> => {
  const scheme = tls ? "https" : "http";
  if (advertise !== undefined) {
    const { baseUrl } = parseAddress(advertise, port, "--advertise");
    return /^https?:\/\//i.test(advertise) ? baseUrl : baseUrl.replace(/^http:/, `${scheme}:`);
  }
  const everywhere = node.hostname === "0.0.0.0" || node.hostname === "::";
  const host = everywhere ? await wayTo(new URL(routerUrl), routeTo) : node.hostname;
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
};

const wayTo = async ({ protocol, hostname, port }: URL, routeTo: RouteTo): Promise<string> => {
  const bare = hostname.replace(/^\[|\]$/g, "");
  const address = await routeTo(bare, Number(port) || (protocol === "https:" ? 443 : 80));
  return address.replace(/^::ffff:/, "");
};

const connectMs = 5_000;

const routeByTcp: RouteTo = async (hostname, port) => {
  const { connect } = await import("node:net");
  return await new Promise((resolve, reject) => {
    const fail = () => reject(new AppError("connection", `cannot connect to the router at ${hostname}:${port}`));
    const socket = connect({ host: hostname, port, timeout: connectMs }, () => {
      const { localAddress } = socket;
      socket.destroy();
      if (localAddress) resolve(localAddress);
      else fail();
    });
    socket.once("error", fail).once("timeout", () => {
      socket.destroy();
      fail();
    });
  });
};
