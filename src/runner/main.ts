import { AppError, toAppError } from "../core/errors.ts";
import { toBridgeRequest } from "./bridge-request.ts";
import type { Loader } from "./loader.ts";
import type { OpenModel } from "./open-model.ts";
import {
  isNodeMessage,
  type LoadOptions,
  type NodeMessage,
  pulseEveryMs,
  type RunnerMessage,
  type RunnerStats,
} from "./protocol.ts";
import { createPulse, type Pulse } from "./pulse.ts";
import { adjustThreadsEveryMs } from "./threads.ts";

export interface RunnerOptions {
  /** Holds llama.cpp's libraries and the bridge. */
  nativeDir: string;
  /** For llama.cpp's log on stderr: 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug. */
  logLevel?: number;
}

type Send = (message: RunnerMessage) => void;

interface Runner {
  options: RunnerOptions;
  send: Send;
  loading: boolean;
  loader?: Promise<Loader>;
  open?: OpenModel;
  pulse?: Pulse;
}

const handlers: {
  [T in NodeMessage["type"]]: (runner: Runner, message: Extract<NodeMessage, { type: T }>) => unknown;
} = {
  load: (runner, { options }) => load(runner, options),
  generate: (runner, { id, request }) =>
    answer(runner, id, ({ bridge }) => {
      const { json, media } = toBridgeRequest(request);
      bridge.generate(id, json, media);
      runner.pulse?.begin(id);
    }),
  count: (runner, { id, request }) =>
    answer(runner, id, ({ bridge }) => {
      const { json, media } = toBridgeRequest(request);
      bridge.count(id, json, media);
    }),
  embed: (runner, { id, request: { inputs, truncate = false } }) =>
    answer(runner, id, ({ bridge }) => bridge.embed(id, inputs, truncate)),
  rerank: (runner, { id, request: { query, documents } }) =>
    answer(runner, id, ({ bridge }) => bridge.rank(id, query, documents)),
  cancel: ({ open }, { id }) => open?.bridge.cancel(id),
  stats: (runner, { id }) => answer(runner, id, (open) => runner.send({ type: "stats", id, stats: statsOf(open) })),
  ack: ({ open }, { id, tokens }) => open?.bridge.acknowledge(id, tokens),
  estimate: (runner, { id, options }) =>
    reply(runner, id, async (loader) => ({ type: "estimate", id, estimate: await loader.estimate(options) })),
  devices: (runner, { id, gpu }) =>
    reply(runner, id, async (loader) => ({ type: "devices", id, devices: loader.devices(gpu) })),
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
  process.on("disconnect", () => void leave(runner));
  process.on("message", (message: unknown) => {
    if (isNodeMessage(message)) dispatch(runner, message);
    else drop(runner, message);
  });
  if (!process.connected) throw new AppError("internal", "a runner is started by the node, not by hand");
  // Reading the libraries takes longer than the node's first message. What fails here fails again when it is asked for, with an answer.
  loaderOf(runner)
    .then((loader) => loader.warmUp())
    .catch(() => undefined);
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

const statsOf = ({ bridge, threads }: OpenModel): RunnerStats => ({ ...bridge.stats(), threads: threads.count() });

/** The loader is made at its first use, so that a runner listens before it has read that code. */
const loaderOf = (runner: Runner): Promise<Loader> => {
  const { nativeDir, logLevel = 2 } = runner.options;
  runner.loader ??= import("./loader.ts").then(({ createLoader }) => createLoader({ nativeDir, logLevel }));
  return runner.loader;
};

const load = async (runner: Runner, options: LoadOptions): Promise<void> => {
  if (runner.loading) return console.error("runner: dropped a second load");
  runner.loading = true;
  const { send } = runner;
  try {
    const loader = await loaderOf(runner);
    const open = await loader.load(options, {
      onProgress: (fraction) => send({ type: "progress", fraction }),
      onMessages: (messages) => {
        const [first] = messages;
        if (first) send(messages.length === 1 ? first : { type: "batch", messages });
        for (const message of messages) runner.pulse?.watch(message);
      },
    });
    const { threads, loaded } = open;
    const tell = () => send({ type: "pulse", stats: statsOf(open) });
    runner.open = open;
    runner.pulse = createPulse(
      [
        { everyMs: pulseEveryMs, act: tell },
        { everyMs: adjustThreadsEveryMs, act: () => threads.adjust() },
      ],
      tell,
    );
    send({ type: "loaded", model: loaded });
  } catch (error) {
    const { code, message } = toAppError(error);
    send({ type: "loadFailed", code, message });
  }
};

/** Sends what `make` makes; what it throws is the answer to request `id`. */
const reply = async (runner: Runner, id: number, make: (loader: Loader) => Promise<RunnerMessage>): Promise<void> => {
  try {
    runner.send(await make(await loaderOf(runner)));
  } catch (error) {
    const { code, message } = toAppError(error);
    runner.send({ type: "error", id, code, message });
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

/** Native threads end first: they must not work in libraries that the process is taking down. */
const leave = async ({ open, loader }: Runner): Promise<never> => {
  open?.bridge.close();
  await (await loader)?.close();
  process.exit(0);
};

const preview = (message: unknown): string => {
  try {
    return (JSON.stringify(message) ?? String(message)).slice(0, 200);
  } catch {
    return typeof message;
  }
};
