import { readFileSync } from "node:fs";
import type { Server } from "bun";
import { AppError } from "../core/errors.ts";
import type { DirectRoutes } from "./direct.ts";
import { type SocketPeer, socketHandlers } from "./sockets.ts";

// Holds a chat that has shown twenty photos of a phone, in base64 (each turn sends all again); a larger body is a mistake or an attack.
const bodyMaxBytes = 128 * 1024 * 1024;

/** The part of an Elysia app that matters here, whatever routes its type has collected. */
interface Listenable {
  compile(): unknown;
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** What handlers find as `server` in their context. */
  server: Server<unknown> | null;
}

export interface Listening {
  hostname: string;
  port: number;
  /** Stops accepting; with `force`, running requests are cut too. Resolves when every connection is closed. */
  stop(force: boolean): Promise<void>;
}

/** Files of a certificate and its key, in PEM. */
export interface TlsFiles {
  certFile: string;
  keyFile: string;
}

interface ListenOptions {
  tls?: TlsFiles | undefined;
  /** How long the head of a request may take, as Bun counts it, every four seconds; for its body see `readJson`. */
  silenceSeconds?: number;
  /** Found before the app is asked. */
  direct?: DirectRoutes;
  /** Routes may turn a request into a WebSocket, with a `SocketPeer` as its data. */
  sockets?: boolean;
}

/**
 * Starts to listen. Throws `internal` with a clear message when the address is taken or not ours, or the certificate cannot be used.
 * Without Elysia's own `listen`, which sets up Bun's router and then, once more, everything: 5 ms in which nobody is served.
 */
export const listen = (
  app: Listenable,
  hostname: string,
  port: number,
  { tls, silenceSeconds = 60, sockets = false, direct }: ListenOptions = {},
): Listening => {
  try {
    app.compile();
    const shared = {
      fetch: app.fetch,
      ...(direct && { routes: direct }),
      hostname,
      port,
      // true would let a second server bind the same port without an error.
      reusePort: false,
      development: false,
      idleTimeout: silenceSeconds, // of a request; the silence of an answer has no limit: see createApp
      maxRequestBodySize: bodyMaxBytes,
      ...(tls ? { tls: readTls(tls) } : {}),
    };
    const server = sockets
      ? Bun.serve<SocketPeer>({ ...shared, websocket: socketHandlers })
      : Bun.serve<unknown>(shared);
    app.server = server as Server<unknown>;
    return { hostname, port: server.port ?? port, stop: async (force) => await server.stop(force) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("internal", listenMessage(error, hostname, port), { cause: error });
  }
};

const readTls = ({ certFile, keyFile }: TlsFiles) => ({ cert: readPem(certFile), key: readPem(keyFile) });

const readPem = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new AppError("invalid_argument", `cannot read ${file}: ${(error as Error).message}`);
  }
};

const listenMessage = (error: unknown, hostname: string, port: number): string => {
  const address = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const code = (error as { code?: string }).code;
  if (code === "EADDRINUSE")
    return `cannot listen on ${address}: the address is in use; stop the other server or choose another --port`;
  if (code === "EACCES") return `cannot listen on ${address}: permission denied; choose a --port of 1024 or higher`;
  return `cannot listen on ${address}: ${error instanceof Error ? error.message : String(error)}`;
};
