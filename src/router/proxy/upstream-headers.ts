import type { ResponseHead } from "./response-parser.ts";

type Header = readonly [name: string, value: string];

/**
 * What a node is told of the client's headers. Only these: a client's key, cookies and address are nobody's business there, under
 * whatever name clients send them.
 */
const passedOn = [
  "content-type",
  "accept",
  "user-agent",
  "tracestate",
  "x-request-id",
  "x-llmlb-session",
  "anthropic-version",
  "anthropic-beta",
  "openai-beta",
] as const;

/** The headers of a request to a node. `credential`: sent as a bearer token. */
export const upstreamHeaders = (client: Headers, credential: string | undefined): Header[] => {
  const headers: Header[] = [
    ["accept-encoding", "identity"], // what is passed on unread is not compressed for somebody else
    ["traceparent", traceparentOf(client)],
  ];
  for (const name of passedOn) {
    const value = client.get(name);
    if (value !== null) headers.push([name, value]);
  }
  if (credential !== undefined) headers.push(["authorization", `Bearer ${credential}`]);
  return headers;
};

/** The client's trace, or a new one (https://www.w3.org/TR/trace-context/). */
const traceparentOf = (client: Headers): string => {
  const given = client.get("traceparent");
  if (given !== null && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(given)) return given;
  const id = crypto.randomUUID().replaceAll("-", "");
  return `00-${id}-${crypto.randomUUID().replaceAll("-", "").slice(16)}-00`;
};

/** Of one connection only (RFC 9110, 7.6.1), or the node's word about itself that is not true of the router. */
const dropped = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length", // Bun writes what is true of the body that it sends
  "date",
  "server",
  "set-cookie",
  "alt-svc",
  "strict-transport-security",
  "vary",
  // A router behind this one has told these; this one tells its own.
  "x-llmlb-node",
  "x-llmlb-reason",
  "x-llmlb-queue-ms",
]);

/** The headers of an answer, as the client may see them. */
export const answerHeaders = ({ headers }: Pick<ResponseHead, "headers">): [name: string, value: string][] => {
  const more = new Set<string>();
  for (const [name, value] of headers)
    if (name === "connection") for (const named of value.toLowerCase().split(",")) more.add(named.trim());
  const kept: [string, string][] = [];
  for (const [name, value] of headers)
    if (!dropped.has(name) && !more.has(name) && !name.startsWith("access-control-")) kept.push([name, value]);
  return kept;
};

export const headerOf = ({ headers }: Pick<ResponseHead, "headers">, wanted: string): string | undefined =>
  headers.find(([name]) => name === wanted)?.[1];
