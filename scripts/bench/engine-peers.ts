import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { openStore } from "../../src/store/open-store.ts";
import { freePort } from "../free-port.ts";
import { buildLlamaServer } from "../llama-server.ts";

export const executable = join(import.meta.dir, "../../dist/llmlb");

/** One of the two servers under comparison. Both get the same file, threads, slots and context. */
export interface Peer {
  name: "llmlb" | "llama-server";
  /** Starts the server; resolves when it can be asked. */
  start(): Promise<{ base: string; pid: number; stop(): Promise<void> }>;
}

export interface PeerSettings {
  file: string;
  slots: number;
  /** For each slot. */
  contextTokens: number;
  /** Absent = each chooses. */
  threads?: number;
}

/** Resolves when a server can be asked. */
export const untilHealthy = async (base: string): Promise<void> => {
  for (;;) {
    const healthy = await fetch(`${base}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (healthy) return;
    await Bun.sleep(2);
  }
};

/** Starts a server and resolves when it can be asked. */
export const launch = async (command: string[], env: Record<string, string>, port: number) => {
  const child = Bun.spawn(command, { env, stdout: "ignore", stderr: "ignore" });
  const base = `http://127.0.0.1:${port}`;
  await untilHealthy(base);
  const stop = async () => {
    child.kill("SIGTERM");
    await child.exited;
  };
  return { base, pid: child.pid, stop };
};

/** A store that holds `file` as `bench/model`, with a projector or without, below a home of its own. */
export const homeWith = async (file: string, projector?: string) => {
  const home = mkdtempSync(join(tmpdir(), "llmlb-bench-engine-"));
  const store = openStore(join(home, "models"), { clock: systemClock, log: silentLog });
  const files = [await partOf(home, "model", file), ...(projector ? [await partOf(home, "projector", projector)] : [])];
  await store.publish({
    model: { host: "huggingface.co", org: "bench", name: "model", tag: "Q8_0" },
    defaultTag: "Q8_0",
    source: { endpoint: "none", repository: "bench/model", commit: "0", file: "model.gguf" },
    files,
  });
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
};

const partOf = async (home: string, role: "model" | "projector", file: string) => {
  const bytes = Bun.file(file);
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of bytes.stream()) hasher.update(chunk);
  const path = join(home, `${role}.gguf`);
  await Bun.write(path, bytes);
  const digest = `sha256:${hasher.digest("hex")}`;
  return { role, name: `${role}.gguf`, digest, sizeBytes: bytes.size, content: { kind: "partial" as const, path } };
};

/** Both servers, and what takes their folders away. */
export const enginePeers = async (settings: PeerSettings) => {
  const { file, slots, contextTokens, threads } = settings;
  const server = await buildLlamaServer();
  const { home, remove } = await homeWith(file);
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: home,
    LLMLB_MODELS: join(home, "models"),
    LLMLB_NUM_PARALLEL: String(slots),
    LLMLB_CONTEXT_LENGTH: String(contextTokens),
    ...(threads && { LLMLB_NUM_THREADS: String(threads) }),
  };
  const peers: Peer[] = [
    {
      name: "llmlb",
      async start() {
        const port = await freePort();
        return await launch([executable, "node", "serve", "--port", String(port)], env, port);
      },
    },
    {
      name: "llama-server",
      async start() {
        const port = await freePort();
        const sizes = ["-c", String(slots * contextTokens), "-np", String(slots)];
        if (threads) sizes.push("-t", String(threads));
        const command = [server, "-m", file, "--port", String(port), ...sizes, "--no-webui", "--no-kv-unified"];
        return await launch(command, { PATH: env.PATH }, port);
      },
    },
  ];
  return { peers, remove };
};
