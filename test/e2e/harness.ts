/** Runs the compiled executable, copied alone into an empty folder, against nodes and Hubs of its own. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFixtureHub } from "../../scripts/fixtures/serve.ts";

const built = join(import.meta.dir, "../../dist/llmlb");

export interface Finished {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface NodeProcess {
  /** As `http://127.0.0.1:PORT`. */
  address: string;
  pid: number;
  /** Everything on its stdout so far. */
  log(): string;
  signal(name: NodeJS.Signals): void;
  exited: Promise<number>;
}

export interface World {
  dir: string;
  executable: string;
  hub: Awaited<ReturnType<typeof startFixtureHub>>;
  env: Record<string, string>;
  /** Runs a command to its end. */
  llmlb(args: string[], options?: { env?: Record<string, string>; stdin?: string; cwd?: string }): Promise<Finished>;
  serve(env?: Record<string, string>, cwd?: string): Promise<NodeProcess>;
  /** Starts a server of any kind: `node serve --port 0 ...`, `router serve --port 0 ...`. Resolves once it listens. */
  start(args: string[], env?: Record<string, string>, cwd?: string): Promise<NodeProcess>;
  /** Ends what is still running and deletes the folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Follows the node's stdout until it says where it listens. */
const follow = async (child: Bun.Subprocess<"ignore", "pipe", "inherit">) => {
  const ready = Promise.withResolvers<string>();
  let output = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stdout) {
      output += decoder.decode(chunk, { stream: true });
      const [, address] = /listening on (http:\/\/\S+)/.exec(output) ?? [];
      if (address) ready.resolve(address);
    }
    ready.reject(new Error(`the node ended before it listened:\n${output}`));
  })();
  ready.promise.catch(() => undefined);
  return { address: ready.promise, log: () => output, reading };
};

/** `unpacked` is an executable that has its libraries beside it and stays there; otherwise the built one is copied alone. */
export const createWorld = async (unpacked?: string): Promise<World> => {
  if (!existsSync(built)) throw new Error('dist/llmlb is missing: run "bun run build" first');
  const dir = mkdtempSync(join(tmpdir(), "llmlb-e2e-"));
  const bin = join(dir, "bin");
  mkdirSync(bin);
  const executable = unpacked ?? join(bin, "llmlb");
  if (!unpacked) copyFileSync(built, executable);
  const hub = await startFixtureHub();
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? "",
    HOME: dir,
    LLMLB_MODELS: join(dir, "models"),
    OLLAMA_MODELS: join(dir, "no-ollama"), // this machine may have one
    HF_ENDPOINT: hub.endpoint,
    LLMLB_NUM_THREADS: "1",
  };
  const children: Bun.Subprocess[] = [];

  const start: World["start"] = async (args, more = {}, cwd = dir) => {
    const child = Bun.spawn([executable, ...args], {
      cwd,
      env: { ...env, ...more },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    children.push(child);
    const { address, log } = await follow(child);
    const base = await address;
    return { address: base, pid: child.pid, log, signal: (name) => child.kill(name), exited: child.exited };
  };
  return {
    dir,
    executable,
    hub,
    env,
    async llmlb(args, options = {}) {
      const child = Bun.spawn([executable, ...args], {
        cwd: options.cwd ?? dir,
        env: { ...env, ...options.env },
        stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
        stdout: "pipe",
        stderr: "pipe",
      });
      children.push(child);
      const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { stdout, stderr, exitCode };
    },
    start,
    async serve(more, cwd) {
      const node = await start(["node", "serve", "--port", "0"], more, cwd);
      env.LLMLB_HOST ??= node.address;
      return node;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map((child) => child.exited));
      await hub.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

/** Pids of the runners that a node has started, from /proc. */
export const runnersOf = async (nodePid: number): Promise<number[]> => {
  const children = await Bun.file(`/proc/${nodePid}/task/${nodePid}/children`).text();
  return children.trim().split(" ").filter(Boolean).map(Number);
};

/** Resolves once `check` holds; for what another process does, which no event here announces. */
export const until = async (check: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const deadline = Date.now() + 20_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** What clients may talk to: all of it has one API. */
export const fronts = ["a node", "a router", "a router behind a router"] as const;

/** Starts a node and what stands before it; commands of the world talk to the foremost, whose address comes first. */
export const serveBehind = async (world: World, front: (typeof fronts)[number]) => {
  const node = await world.serve();
  let { address } = node;
  for (let routers = fronts.indexOf(front); routers > 0; routers--) {
    const home = mkdtempSync(join(world.dir, "router-"));
    const router = await world.start(["router", "serve", "--port", "0"], { HOME: home });
    const body = JSON.stringify({ url: address });
    const added = await fetch(`${router.address}/api/router/nodes`, { method: "POST", body });
    if (!added.ok) throw new Error(await added.text());
    address = router.address;
  }
  world.env.LLMLB_HOST = address;
  return { address, node };
};
