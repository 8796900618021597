import type { ServerAddress } from "../../config/address.ts";
import type { Config, Environment } from "../../config/config.ts";
import { version } from "../../core/version.ts";
import { askServer, isOwnAddress, type Occupant, whyNotListen } from "../ask-server.ts";
import type { Patient } from "../examine.ts";
import { type Found, ok, problem, warning } from "../finding.ts";

/** An address at which a server of llmlb is expected, or would listen. */
export interface Place {
  role: "node" | "router";
  baseUrl: string;
  hostname: string;
  port: number;
  /** The variable that names it; absent = it is the usual one. */
  variable?: string;
  isOwn: boolean;
}

export const checkServers = async ({ config, env }: Patient): Promise<Found[]> =>
  await Promise.all(placesOf(config, env).map(async (place) => describe(place, await look(place, config.apiKey))));

const look = async (place: Place, apiKey: string | undefined): Promise<Seen> => {
  const occupant = await askServer(place.baseUrl, apiKey);
  const isFree = occupant.kind === "nobody" && place.isOwn;
  const refusal = isFree ? whyNotListen(place.hostname, place.port) : undefined;
  return refusal === undefined ? occupant : { kind: "refused", reason: refusal };
};

type Seen = Occupant | { kind: "refused"; reason: string };

/** Each address once: `router` commands may go where LLMLB_HOST leads, which a router never listens at. */
export const placesOf = (config: Config, env: Environment): Place[] => {
  const place = (role: Place["role"], address: ServerAddress, variable: string | undefined): Place => ({
    role,
    ...address,
    ...(variable !== undefined && env[variable] ? { variable } : {}),
    isOwn: isOwnAddress(address.hostname),
  });
  const places = [
    place("node", config.node, "LLMLB_HOST"),
    place("router", config.routerListen, "LLMLB_ROUTER_HOST"),
    ...(config.join ? [place("router", urlAddress(config.join.routerUrl), "LLMLB_ROUTER_URL")] : []),
  ];
  return [...new Map(places.map((one) => [one.baseUrl, one])).values()];
};

const urlAddress = (baseUrl: string): ServerAddress => {
  const { hostname, port, protocol } = new URL(baseUrl);
  return { baseUrl, hostname, port: Number(port) || (protocol === "https:" ? 443 : 80) };
};

/** What is to say of who was found at a place. */
export const describe = (place: Place, seen: Seen): Found => {
  const at = place.variable ? `${place.baseUrl} (${place.variable})` : place.baseUrl;
  switch (seen.kind) {
    case "llmlb": {
      const text = `${at}: a ${seen.role} of llmlb ${seen.version}, ${seen.models} loaded model${seen.models === 1 ? "" : "s"}`;
      return seen.version === version
        ? ok(text)
        : warning(`${text}; this is ${version}`, "start it again with the same version");
    }
    case "locked":
      return problem(
        `${at}: a ${seen.role} of llmlb that does not take our key`,
        "set LLMLB_API_KEY to one of its keys",
      );
    case "ollama":
      return taken(place, `${at}: Ollama, not llmlb`);
    case "other":
      return taken(place, `${at} is taken: it is not llmlb, and answers ${seen.says}`);
    case "refused":
      return problem(`${at}: a ${place.role} cannot listen there: ${seen.reason}`, otherPort(place));
    default:
      return nobody(place, at, seen.reason);
  }
};

const nobody = (place: Place, at: string, reason: string): Found => {
  const start = `llmlb ${place.role} serve`;
  if (!place.isOwn) return problem(`${at}: ${reason}`, `start it there ("${start}"), or mend ${place.variable}`);
  return place.variable
    ? warning(`${at}: free, no ${place.role} is running`, `start it: ${start}`)
    : ok(`${at}: free, no ${place.role} is running`);
};

/** A node's own commands would talk to a stranger; a router is what few machines have. */
const taken = (place: Place, text: string): Found =>
  place.role === "node" || place.variable ? problem(text, otherPort(place)) : warning(text, otherPort(place));

const otherPort = ({ role, variable }: Place): string =>
  variable
    ? `name another address in ${variable}`
    : `take another port: llmlb ${role} serve --port N, and ${role === "node" ? "LLMLB_HOST" : "LLMLB_ROUTER_HOST"}=:N for the other commands`;
