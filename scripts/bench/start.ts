import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFixtureHub } from "../fixtures/serve.ts";

const executable = join(import.meta.dir, "../../dist/llmlb");
const model = "llmlb-test/tiny-hello-GGUF";

export interface StartBench {
  models: number;
  runs: number;
  /** Median wall time of a whole command, process start included, in milliseconds. */
  medianMs: Record<string, number>;
}

/** Times client commands against a node whose store holds `models` manifests, each command started anew. */
export const benchStart = async ({ models = 1000, runs = 20 } = {}): Promise<StartBench> => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-bench-start-"));
  const hub = startFixtureHub();
  const env = { PATH: process.env.PATH ?? "", HOME: dir, HF_ENDPOINT: hub.endpoint, LLMLB_HOST: "" };
  const node = Bun.spawn([executable, "node", "serve", "--port", "0"], { env, stdout: "pipe" });
  try {
    env.LLMLB_HOST = await addressOf(node.stdout);
    await run(["node", "pull", model], env);
    multiply(join(dir, ".llmlb/models/manifests/huggingface.co"), models);
    await run(["node", "rm", "llmlb-test/tiny-hello-1-GGUF"], env); // the store looks again after a change
    const medianMs: Record<string, number> = {};
    for (const args of [["--version"], ["node", "list"], ["node", "ps"], ["node", "show", model]]) {
      medianMs[args.join(" ")] = await medianOf(runs, () => run(args, env));
    }
    return { models, runs, medianMs };
  } finally {
    node.kill("SIGTERM");
    await node.exited;
    await hub.stop();
    rmSync(dir, { recursive: true, force: true });
  }
};

/** Copies the one pulled model's manifest under other names. */
const multiply = (manifests: string, count: number) => {
  const [org = "", name = ""] = model.split("/");
  const source = join(manifests, org, name, "Q4_K_M.json");
  const text = readFileSync(source, "utf8");
  for (let copy = 1; copy < count; copy++) {
    const copyName = name.replace("hello", `hello-${copy}`);
    mkdirSync(join(manifests, org, copyName), { recursive: true });
    const target = join(manifests, org, copyName, "Q4_K_M.json");
    copyFileSync(source, target);
    writeFileSync(target, text.replaceAll(name, copyName));
  }
};

const addressOf = async (stdout: ReadableStream<Uint8Array>): Promise<string> => {
  let text = "";
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk);
    const [, address] = /listening on (http:\/\/\S+)/.exec(text) ?? [];
    if (address) return address;
  }
  throw new Error(`the node did not start:\n${text}`);
};

const run = async (args: string[], env: Record<string, string>) => {
  const child = Bun.spawn([executable, ...args], { env, stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`llmlb ${args.join(" ")}: ${errors}`);
  return output;
};

const medianOf = async (runs: number, action: () => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let round = 0; round < runs; round++) {
    const startMs = performance.now();
    await action();
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  return Number((times[Math.floor(times.length / 2)] ?? 0).toFixed(1));
};
