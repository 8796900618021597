import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PullProgress } from "../../src/hub/pull-progress.ts";
import { openStore } from "../../src/store/open-store.ts";
import { startHubFixture } from "../fixtures/hub.ts";
import { syntheticModel } from "../fixtures/hub-content.ts";
import { freePort } from "../free-port.ts";
import { executable, untilHealthy } from "./engine-peers.ts";

export interface Kills {
  sizeBytes: number;
  /** Of each connection; absent = as fast as loopback is. */
  bytesPerSecond?: number;
  kills: number;
  /** Where the pull was at each kill, in percent. */
  killedAtPercent: number[];
  /** Bytes of the file that the Hub's sockets took, over all attempts. */
  sentBytes: number;
  /** At most 1.1 is the aim. */
  sentRatio: number;
  sha256Right: boolean;
  seconds: number;
}

const id = "bench/synthetic-GGUF";

/** At the speed of a fast network, and at loopback's, where each kill costs what the system's buffers hold for a node that is behind. */
export const benchKills = async (): Promise<{ fastNetwork: Kills; loopback: Kills }> => ({
  fastNetwork: await killOften({ bytesPerSecond: 32 * 1024 ** 2 }),
  loopback: await killOften({}),
});

interface Setting {
  sizeBytes?: number;
  kills?: number;
  bytesPerSecond?: number;
}

/**
 * One pull through the compiled executable's node, which is killed (SIGKILL) at random moments and started again; the pull goes on
 * with what is on the disk. Counts what the Hub had to send for it.
 */
const killOften = async ({ sizeBytes = 2 * 1024 ** 3, kills = 50, bytesPerSecond }: Setting): Promise<Kills> => {
  const content = syntheticModel(sizeBytes);
  const hub = startHubFixture({ repositories: [{ id, files: [{ path: "synthetic-Q8_0.gguf", content }] }] });
  if (bytesPerSecond) hub.inject({ on: "cdn", bytesPerSecond });
  const home = mkdtempSync(join(tmpdir(), "llmlb-bench-kills-"));
  const startedMs = performance.now();
  const killedAtPercent: number[] = [];
  try {
    for (let at = 0; killedAtPercent.length < kills; ) {
      const left = kills - killedAtPercent.length;
      at = await pullAndKill(hub.endpoint, home, at + Math.random() * 2 * ((sizeBytes - at) / (left + 1)));
      killedAtPercent.push(Math.round((100 * at) / sizeBytes));
    }
    await pullAndKill(hub.endpoint, home, Number.POSITIVE_INFINITY);
    const sentBytes = hub.sentBytes();
    return {
      sizeBytes,
      ...(bytesPerSecond && { bytesPerSecond }),
      kills,
      killedAtPercent,
      sentBytes,
      sentRatio: sentBytes / sizeBytes,
      sha256Right: (await storedSha256(home)) === content.sha256,
      seconds: (performance.now() - startedMs) / 1000,
    };
  } finally {
    hub.stop();
    rmSync(home, { recursive: true, force: true });
  }
};

/** Pulls until about `killAtBytes` are there, then kills the node; returns how far it was. Without an end to come, pulls all. */
const pullAndKill = async (endpoint: string, home: string, killAtBytes: number): Promise<number> => {
  const port = await freePort();
  const node = Bun.spawn([executable, "node", "serve", "--port", String(port)], {
    env: { PATH: process.env.PATH ?? "", HOME: home, LLMLB_MODELS: join(home, "models"), HF_ENDPOINT: endpoint },
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    await untilHealthy(`http://127.0.0.1:${port}`);
    return await watchPull(port, killAtBytes);
  } finally {
    node.kill("SIGKILL");
    await node.exited;
  }
};

const watchPull = async (port: number, killAtBytes: number): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${port}/api/pull`, {
    method: "POST",
    body: JSON.stringify({ model: id }),
  });
  let completedBytes = 0;
  let text = "";
  for await (const chunk of response.body ?? []) {
    const lines = (text + new TextDecoder().decode(chunk)).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      const { status, completed, error } = JSON.parse(line) as PullProgress & { error?: string };
      if (error !== undefined) throw new Error(`the pull failed: ${error}`);
      if (status === "success") return completedBytes;
      completedBytes = completed ?? completedBytes;
    }
    if (completedBytes >= killAtBytes) return completedBytes;
  }
  throw new Error("the pull ended without an event that says so");
};

const storedSha256 = async (home: string): Promise<string> => {
  const store = openStore(join(home, "models"));
  const hasher = new Bun.CryptoHasher("sha256");
  const [org = "", name = ""] = id.split("/");
  const path = store.modelPath(store.get({ kind: "hub", org, name }));
  for await (const chunk of Bun.file(path).stream()) hasher.update(chunk);
  return hasher.digest("hex");
};
