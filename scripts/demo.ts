/** `npm run demo`: starts a node, pulls a small model and opens the chat, all with the executable that was just built. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFixtureHub } from "./fixtures/serve.ts";

const executable = join(import.meta.dir, "../dist", process.platform === "win32" ? "llmlb.exe" : "llmlb");
const smallModel = "bartowski/SmolLM2-135M-Instruct-GGUF"; // 105 MB as Q4_K_M
const fixtureModel = "llmlb-test/tiny-hello-GGUF";

const isHubReachable = async () => {
  try {
    const url = `https://huggingface.co/api/models/${smallModel}`;
    return (await fetch(url, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
};

const say = (text: string) => console.log(`\n# ${text}`);

const dir = mkdtempSync(join(tmpdir(), "llmlb-demo-"));
const online = await isHubReachable();
const fixture = online ? undefined : await startFixtureHub();
const model = online ? smallModel : fixtureModel;
say(
  online
    ? `huggingface.co is reachable: using ${model}`
    : "huggingface.co cannot be reached: using the project's own Hub fixture and its tiny model, which knows one sentence",
);

const env = {
  ...process.env,
  LLMLB_MODELS: join(dir, "models"),
  ...(fixture ? { HF_ENDPOINT: fixture.endpoint } : {}),
};

/** Starts the node on a free port and resolves to its address, which it prints. */
const startNode = async () => {
  const node = Bun.spawn([executable, "node", "serve", "--port", "0"], {
    env,
    stdout: "pipe",
    stderr: "inherit",
    detached: true, // a Ctrl+C in the chat must not reach the node
  });
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of node.stdout) {
    output += decoder.decode(chunk, { stream: true });
    const [, address] = /listening on (http:\/\/\S+)/.exec(output) ?? [];
    if (address) return { node, address };
  }
  throw new Error(`the node did not start:\n${output}`);
};

const run = async (address: string, ...args: string[]) => {
  say(`llmlb ${args.join(" ")}`);
  const child = Bun.spawn([executable, ...args], {
    env: { ...env, LLMLB_HOST: address },
    stdio: ["inherit", "inherit", "inherit"],
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`llmlb ${args.join(" ")} exited with ${exitCode}`);
};

const { node, address } = await startNode();
process.on("SIGINT", () => undefined); // Ctrl+C belongs to the chat
try {
  await run(address, "node", "pull", model);
  await run(address, "node", "list");
  // Without a terminal there is nobody to chat with: ask one question.
  await run(address, "node", "run", model, ...(process.stdin.isTTY ? [] : ["Who are you?"]));
} finally {
  node.kill("SIGTERM");
  await node.exited;
  await fixture?.stop();
  rmSync(dir, { recursive: true, force: true });
}
