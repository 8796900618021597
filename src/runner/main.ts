import { AppError, toAppError } from "../core/errors.ts";
import { toBridgeRequest } from "./bridge-request.ts";
import type { OpenModel } from "./open-model.ts";
import { isNodeMessage, type LoadOptions, type NodeMessage, type RunnerMessage } from "./protocol.ts";
import { createPulse, type Pulse } from "./pulse.ts";

export interface RunnerOptions {
  /** Holds llama.cpp's libraries and the bridge. */
  nativeDir: string;
  /** For llama.cpp's log on stderr: 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug. */
  logLevel?: number;
}

/** Tells every hundredth of the way: a fast disk would report a thousand times a second. */
const progressStep = 0.01;

type Send = (message: RunnerMessage) => void;

interface Runner {
  options: RunnerOptions;
  send: Send;
  loading: boolean;
  open?: OpenModel;
  pulse?: Pulse;
}

const handlers: {
  [T in NodeMessage["type"]]: (runner: Runner, message: Extract<NodeMessage, { type: T }>) => unknown;
} = {
  load: (runner, { options }) => load(runner, options),
  generate: (runner, { id, request }) =>
    answer(runner, id, ({ bridge }) => {
      bridge.generate(id, toBridgeRequest(request));
      runner.pulse?.begin(id);
    }),
  embed: (runner, { id, inputs }) => answer(runner, id, ({ bridge }) => bridge.embed(id, inputs)),
  cancel: ({ open }, { id }) => open?.bridge.cancel(id),
  stats: (runner, { id }) =>
    answer(runner, id, ({ bridge }) => runner.send({ type: "stats", id, stats: bridge.stats() })),
  ack: ({ open }, { id, tokens }) => open?.bridge.acknowledge(id, tokens),
  exit: (runner) => leave(runner),
};

/**
 * The hidden command that holds one model: serves the node at the other end of the IPC channel until that says `exit` or is gone,
 * then ends the process. Never resolves.
 */
export const runRunner = async (options: RunnerOptions): Promise<void> => {
  const runner: Runner = { options, send: sendToNode, loading: false };
  // Ctrl+C and a service manager's SIGTERM reach the whole process group; running answers are the node's to end.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  process.on("disconnect", () => leave(runner));
  process.on("message", (message: unknown) => {
    if (isNodeMessage(message)) dispatch(runner, message);
    else drop(runner, message);
  });
  if (!process.connected) throw new AppError("internal", "a runner is started by the node, not by hand");
  await new Promise<never>(() => undefined);
};

/** What is not understood is logged; a request that can still be told apart gets an answer, for somebody waits for it. */
const drop = ({ send }: Runner, message: unknown): void => {
  console.error(`runner: dropped a message of unknown shape: ${preview(message)}`);
  const id = typeof message === "object" && message !== null ? Reflect.get(message, "id") : undefined;
  if (!Number.isSafeInteger(id)) return;
  send({ type: "error", id, code: "invalid_argument", message: "the request has a field of the wrong type" });
};

const sendToNode: Send = (message) => {
  if (process.connected) process.send?.(message);
};

const dispatch = <T extends NodeMessage["type"]>(runner: Runner, message: Extract<NodeMessage, { type: T }>): void => {
  const type: T = message.type;
  handlers[type](runner, message);
};

const load = async (runner: Runner, options: LoadOptions): Promise<void> => {
  if (runner.loading) return console.error("runner: dropped a second load");
  runner.loading = true;
  let told = -1;
  try {
    const { openModel } = await import("./open-model.ts");
    runner.open = await openModel({
      nativeDir: runner.options.nativeDir,
      logLevel: runner.options.logLevel ?? 2,
      load: options,
      onProgress: (fraction) => {
        if (fraction < told + progressStep) return;
        told = fraction;
        runner.send({ type: "progress", fraction });
      },
      onMessages: (messages) => {
        for (const message of messages) {
          runner.send(message);
          runner.pulse?.watch(message);
        }
      },
    });
    const { bridge } = runner.open;
    runner.pulse = createPulse(() => bridge.stats(), runner.send);
    runner.send({ type: "loaded", model: runner.open.loaded });
  } catch (error) {
    const { code, message } = toAppError(error);
    runner.send({ type: "loadFailed", code, message });
  }
};

/** Runs `act` on the open model; what it throws is the answer to request `id`. */
const answer = ({ open, send }: Runner, id: number, act: (open: OpenModel) => void): void => {
  try {
    if (!open) throw new AppError("internal", "the runner has no model loaded");
    act(open);
  } catch (error) {
    const { code, message } = toAppError(error);
    send({ type: "error", id, code, message });
  }
};

const leave = ({ open }: Runner): never => {
  open?.bridge.close();
  process.exit(0);
};

const preview = (message: unknown): string => {
  try {
    return (JSON.stringify(message) ?? String(message)).slice(0, 200);
  } catch {
    return typeof message;
  }
};
