import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { checkedAddresses, type Lookup, systemLookup } from "../cluster/address-guard.ts";
import { type Connection, connect, type Target, type UpstreamAnswer } from "./connection.ts";

export interface UpstreamRequest {
  /** Of the node: origin and path prefix, without a trailing slash. */
  readonly base: string;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Uint8Array;
}

/**
 * Speaks HTTP/1.1 to the nodes. Not by Bun's `fetch`: that has no more than 256 requests under way at a time, does not tell a stale
 * connection from a dead node, and takes three times the processor time.
 */
export interface Upstream {
  /** Throws `invalid_argument` for a header that would be two. */
  begin(request: UpstreamRequest): Sending;
  /** The same with a signal. Rejects with `cancelled` when that is aborted before the head is here. */
  send(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamAnswer>;
  close(): void;
}

/** A request on its way to a node. */
export interface Sending {
  /** Rejects with `connection` or `corrupt`, and with `cancelled`. */
  readonly answer: Promise<UpstreamAnswer>;
  /** Ends it while the head is not here; from then on that is up to whoever reads the body. */
  cancel(): void;
}

interface UpstreamOptions {
  clock: Clock;
  /** How long to wait for a connection. */
  connectMs?: number;
  /** Of the nodes' names, for each new connection; default: the system's. */
  lookup?: Lookup;
}

interface Origin {
  readonly target: Target;
  readonly prefix: string;
  readonly host: string;
  /** The last used last. */
  readonly idle: { connection: Connection; sinceMs: number }[];
  /** Somebody looks after those that are idle. */
  watched: boolean;
}

const connectMsByDefault = 5_000;
const idleMs = 4_000; // uvicorn and llama-server close after five seconds
const idleMax = 128; // connections of one node
// A connection that breaks so soon after it was taken up again was closed by then; later, the node has died over the request.
const staleMs = 1_000;
const originsMax = 4_096; // more nodes than anybody has; addresses that came and went are forgotten
const joinMaxBytes = 64 * 1024; // up to here head and body leave in one piece

export const createUpstream = ({
  clock,
  connectMs = connectMsByDefault,
  lookup = systemLookup,
}: UpstreamOptions): Upstream => {
  const addressesOf = (hostname: string) => checkedAddresses(hostname, lookup);
  const origins = new Map<string, Origin>();
  const open = new Set<Connection>();
  const originOf = (base: string): Origin => {
    const known = origins.get(base);
    if (known) return known;
    if (origins.size >= originsMax) for (const [key, { idle }] of origins) if (idle.length === 0) origins.delete(key);
    const origin = parseOrigin(base);
    origins.set(base, origin);
    return origin;
  };
  const fresh = async (origin: Origin): Promise<Connection> => {
    const events = {
      onIdle: (connection: Connection) => keepIdle(origin, connection, clock),
      onClose: (connection: Connection) => void open.delete(connection),
    };
    const connection = await connect(origin.target, { clock, connectMs, events, addressesOf });
    open.add(connection);
    return connection;
  };
  const ask = async (origin: Origin, parts: readonly Uint8Array[], course: Course): Promise<UpstreamAnswer> => {
    const used = takeIdle(origin, clock.now());
    if (used) {
      const sentMs = clock.now();
      try {
        return await exchange(used, parts, course);
      } catch (error) {
        const stale = (error as AppError).code === "connection" && clock.now() - sentMs < staleMs;
        if (!stale || course.cancelled) throw error;
      }
    }
    return await exchange(await fresh(origin), parts, course);
  };
  const begin = (request: UpstreamRequest): Sending => {
    const origin = originOf(request.base);
    const course: Course = { cancelled: false, connection: undefined };
    return {
      answer: ask(origin, write(request, origin), course),
      cancel() {
        course.cancelled = true;
        course.connection?.close();
      },
    };
  };
  return {
    begin,
    async send(request, signal) {
      if (signal.aborted) throw cancelled();
      const { answer, cancel } = begin(request);
      signal.addEventListener("abort", cancel, { once: true });
      return await answer.finally(() => signal.removeEventListener("abort", cancel));
    },
    close() {
      for (const connection of open) connection.close();
      origins.clear();
    },
  };
};

const cancelled = () => new AppError("cancelled", "cancelled");

/** Of one request, until the head of its answer is here. */
interface Course {
  cancelled: boolean;
  connection: Connection | undefined;
}

const exchange = async (
  connection: Connection,
  parts: readonly Uint8Array[],
  course: Course,
): Promise<UpstreamAnswer> => {
  if (course.cancelled) {
    connection.close(); // it was made in vain
    throw cancelled();
  }
  course.connection = connection;
  try {
    return await connection.send(parts);
  } finally {
    course.connection = undefined; // it may carry another's request soon
  }
};

const keepIdle = (origin: Origin, connection: Connection, clock: Clock): void => {
  if (origin.idle.length >= idleMax) connection.close();
  else origin.idle.push({ connection, sinceMs: clock.now() });
  if (!origin.watched) watchIdle(origin, clock);
};

/** Closes what has been idle for too long, as long as there is any. */
const watchIdle = (origin: Origin, clock: Clock): void => {
  const { idle } = origin;
  origin.watched = true;
  clock.after(idleMs, () => {
    const untilMs = clock.now() - idleMs;
    const old = idle.findIndex(({ sinceMs }) => sinceMs > untilMs);
    for (const { connection } of idle.splice(0, old < 0 ? idle.length : old)) connection.close();
    origin.watched = false;
    if (idle.length > 0) watchIdle(origin, clock);
  });
};

const takeIdle = ({ idle }: Origin, nowMs: number): Connection | undefined => {
  for (let entry = idle.pop(); entry; entry = idle.pop()) {
    if (entry.connection.open && nowMs - entry.sinceMs < idleMs) return entry.connection;
    entry.connection.close();
  }
  return undefined;
};

const parseOrigin = (base: string): Origin => {
  const url = new URL(base);
  const tls = url.protocol === "https:";
  const target = { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || (tls ? 443 : 80), tls };
  return { target, prefix: url.pathname.replace(/\/$/, ""), host: url.host, idle: [], watched: false };
};

const write = ({ method, path, headers, body }: UpstreamRequest, { host, prefix }: Origin): Uint8Array[] => {
  let text = `${method} ${prefix}${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of headers) {
    if (/[\r\n\0]/.test(value)) throw new AppError("invalid_argument", `${name}: a header has a line break in it`);
    text += `${name}: ${value}\r\n`;
  }
  if (body) text += `content-length: ${body.length}\r\n`;
  text += "\r\n";
  if (!body) return [Buffer.from(text, "latin1")];
  if (body.length > joinMaxBytes) return [Buffer.from(text, "latin1"), body];
  const joined = Buffer.allocUnsafe(text.length + body.length);
  joined.write(text, "latin1");
  joined.set(body, text.length);
  return [joined];
};
