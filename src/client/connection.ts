import type { Clock } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";

/** The part of fetch that the client uses; Bun's own options are `proxy` and `timeout`. */
export type Fetch = (url: string, init: BunFetchRequestInit) => Promise<Response>;

/** Tries to reach `url`'s host and port by TCP; rejects when that takes longer than `timeoutMs`. */
export type Probe = (url: URL, timeoutMs: number) => Promise<void>;

export const hostOf = (baseUrl: string): string => baseUrl.replace(/^http:\/\//, "");

/** What a client takes the server for; for messages. */
export type ServerRole = "node" | "router";

export const cannotConnect = (baseUrl: string, role: ServerRole, cause?: unknown): AppError =>
  new AppError(
    "connection",
    `cannot connect to the llmlb ${role} at ${hostOf(baseUrl)}${reasonOf(cause)}; start it with "llmlb ${role} serve"`,
    { cause },
  );

export const connectionLost = (baseUrl: string, cause?: unknown): AppError =>
  new AppError("connection", `connection to ${hostOf(baseUrl)} was lost in the middle of the answer`, { cause });

/** Certificate trouble needs its reason; a refused or unknown host needs none. */
const reasonOf = (cause: unknown): string => {
  const code = errorCode(cause);
  return /CERT|TLS|SSL|SELF_SIGNED|ISSUER/.test(code) ? ` (${code})` : "";
};

const errorCode = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";

/** True when there was a connection and the other side broke it, as a dying server does. */
export const wasReset = (cause: unknown): boolean => ["ECONNRESET", "EPIPE"].includes(errorCode(cause));

/** What fetch or a body reader threw, as an AppError: `cancelled` when the signal did it, otherwise `connection`. */
export const toConnectionError = (
  thrown: unknown,
  signal: AbortSignal | undefined,
  connectionError: (cause: unknown) => AppError,
): AppError => {
  if (signal?.aborted) return new AppError("cancelled", "cancelled", { cause: thrown });
  if (thrown instanceof AppError) return thrown;
  return thrown instanceof Error ? connectionError(thrown) : toAppError(thrown);
};

/** Loopback is never behind a proxy, but Bun would ask one for it when HTTP_PROXY is set and NO_PROXY is not. */
export const isLoopback = (hostname: string): boolean =>
  /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);

export const tcpProbe: Probe = async ({ hostname, port, protocol }, timeoutMs) => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error("timed out")), timeoutMs);
  Bun.connect({
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    socket: {
      open: (socket) => {
        socket.end();
        resolve();
      },
      connectError: (_socket, error) => reject(error),
      data: () => undefined,
    },
  }).catch(reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
};

const silenceMs = 3000; // an idle server answers far sooner; one that is loading a model still accepts connections
const probeMs = 5000;

/**
 * A host that swallows packets would keep fetch waiting for the kernel's two minutes. While `answer` is silent, this asks by TCP
 * whether anybody is there, and calls `giveUp` when not. A slow answer from a reachable server may take as long as it likes.
 */
export const watchConnect = (
  url: URL,
  answer: Promise<unknown>,
  giveUp: (cause: unknown) => void,
  probe: Probe,
  clock: Clock,
): void => {
  const stop = clock.after(silenceMs, () => void probe(url, probeMs).catch(giveUp));
  answer.then(stop, stop);
};
