import type { Socket } from "bun";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { createResponseParser, type ResponseHead } from "./response-parser.ts";
import { type BodyInlet, createUpstreamBody, type ReceivedBody } from "./upstream-body.ts";

/** Where a node listens. */
export interface Target {
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
}

export interface UpstreamAnswer extends ResponseHead {
  readonly body: ReceivedBody;
}

/** A connection to a node that carries one request at a time. */
export interface Connection {
  readonly open: boolean;
  /** Sends a request. Rejects when the connection ends before the head of an answer is here. */
  send(parts: readonly Uint8Array[]): Promise<UpstreamAnswer>;
  /** Ends it, with whatever it carries. */
  close(): void;
}

export interface ConnectionEvents {
  /** The answer is here in full, and the connection may carry another request. */
  onIdle(connection: Connection): void;
  /** Told once. */
  onClose(connection: Connection): void;
}

interface Exchange {
  readonly head: PromiseWithResolvers<UpstreamAnswer>;
  readonly parser: ReturnType<typeof createResponseParser>;
  readonly inlet: BodyInlet;
  ended: boolean;
}

interface ConnectOptions {
  clock: Clock;
  connectMs: number;
  events: ConnectionEvents;
  /** Of the target's host; see `checkedAddresses`. */
  addressesOf(hostname: string): Promise<readonly string[]>;
}

/**
 * Connects to the first of the target's addresses that takes it. Rejects with `connection` when none does, or when it takes longer than
 * `connectMs` to learn them, or to try them.
 */
export const connect = async (target: Target, options: ConnectOptions): Promise<Connection> => {
  const { connectMs } = options;
  const addresses = await within<readonly string[]>(options, connectMs, (ended) =>
    options.addressesOf(target.hostname).then(ended.resolve, ended.reject),
  ).catch((error) => {
    throw unreachable(target, error);
  });
  let last: unknown;
  for (const address of addresses) {
    try {
      return await dial(target, address, { ...options, connectMs: connectMs / addresses.length });
    } catch (error) {
      last = error;
    }
  }
  throw unreachable(target, last);
};

const within = async <T>(
  { clock, connectMs }: Pick<ConnectOptions, "clock" | "connectMs">,
  ms: number,
  begin: (ended: PromiseWithResolvers<T>) => void,
): Promise<T> => {
  const ended = Promise.withResolvers<T>();
  const giveUp = clock.after(ms, () => ended.reject(new Error(`no answer in ${connectMs / 1000} s`)));
  begin(ended);
  return await ended.promise.finally(giveUp);
};

/** The name stays what certificates are checked for. */
const dial = async (target: Target, address: string, options: ConnectOptions): Promise<Connection> => {
  const wire = createWire(options.events);
  try {
    await within<void>(options, options.connectMs, ({ resolve, reject }) => {
      Bun.connect({
        hostname: address,
        port: target.port,
        ...(target.tls && { tls: { serverName: target.hostname } }),
        socket: {
          open(socket) {
            wire.attach(socket);
            if (!target.tls) resolve();
          },
          handshake(_socket, success, error) {
            if (success && !error) resolve();
            else reject(error ?? new Error("TLS handshake failed"));
          },
          data: (_socket, bytes) => wire.receive(bytes),
          drain: () => wire.flush(),
          close: () => wire.lost(new AppError("connection", "the node closed the connection")),
          error: (_socket, error) => wire.lost(lostBy(error)),
          end: () => wire.lost(new AppError("connection", "the node closed the connection")),
          connectError: (_socket, error) => reject(error),
        },
      }).catch(reject);
    });
    return wire.connection;
  } catch (error) {
    wire.connection.close();
    throw error;
  }
};

const unreachable = ({ hostname, port }: Target, cause: unknown) =>
  new AppError("connection", `cannot connect to ${hostname}:${port}: ${reasonOf(cause)}`, { cause });

const lostBy = (error: Error) =>
  new AppError("connection", `the connection to the node was lost: ${reasonOf(error)}`, { cause: error });

const reasonOf = (error: unknown): string => {
  const { code, message } = error as { code?: string; message?: string };
  return (error instanceof AppError ? undefined : code) ?? message ?? String(error);
};

/** The socket, what is still to be written, and the request that is under way. */
const createWire = (events: ConnectionEvents) => {
  let socket: Socket | undefined;
  let state: "open" | "closed" = "open";
  let current: Exchange | undefined;
  const unsent: Uint8Array[] = [];
  const flush = (): void => {
    while (socket && unsent.length > 0) {
      const part = unsent[0] as Uint8Array;
      const written = socket.write(part);
      if (written < part.length) {
        unsent[0] = part.subarray(Math.max(0, written));
        return;
      }
      unsent.shift();
    }
  };
  const end = (error: AppError): void => {
    if (state === "closed") return;
    state = "closed";
    unsent.length = 0;
    const carried = current;
    current = undefined;
    socket?.terminate();
    if (carried) endOf(carried, error);
    events.onClose(connection);
  };
  const finished = (exchange: Exchange, reusable: boolean): void => {
    exchange.ended = true;
    exchange.inlet.end();
    current = undefined;
    // A node that answers before it has read all will not read the rest either.
    if (reusable && unsent.length === 0) events.onIdle(connection);
    else connection.close();
  };
  const connection: Connection = {
    get open() {
      return state === "open";
    },
    send(parts) {
      const exchange = openExchange({ socket, finished, cancel: () => connection.close() });
      current = exchange;
      unsent.push(...parts);
      flush();
      return exchange.head.promise;
    },
    close: () => end(new AppError("cancelled", "cancelled")),
  };
  return {
    connection,
    attach(opened: Socket) {
      socket = opened;
      if (state === "closed") opened.terminate(); // it came too late
    },
    flush,
    receive(bytes: Uint8Array) {
      if (!current) return end(new AppError("corrupt", "the node sent what nobody asked for"));
      try {
        current.parser.push(bytes);
      } catch (error) {
        end(error as AppError);
      }
    },
    lost: end,
  };
};

/** The connection has ended: was that the end of the answer? */
const endOf = (exchange: Exchange, error: AppError): void => {
  if (exchange.ended) return;
  if (error.code === "connection" && exchange.parser.close()) return;
  exchange.head.reject(error);
  exchange.inlet.fail(error);
};

interface ExchangeOptions {
  socket: Socket | undefined;
  finished(exchange: Exchange, reusable: boolean): void;
  cancel(): void;
}

const openExchange = ({ socket, finished, cancel }: ExchangeOptions): Exchange => {
  const head = Promise.withResolvers<UpstreamAnswer>();
  const flow = { pause: () => void socket?.pause(), resume: () => void socket?.resume(), cancel };
  const inlet = createUpstreamBody(flow);
  let reusable = false;
  const parser = createResponseParser({
    head(answer) {
      reusable = answer.reusable;
      head.resolve({ status: answer.status, headers: answer.headers, reusable, body: inlet.body });
    },
    bytes: inlet.push,
    end: () => finished(exchange, reusable),
  });
  const exchange: Exchange = { head, parser, inlet, ended: false };
  return exchange;
};
