import { silentLog } from "../../src/core/log.ts";
import { spawnRunner } from "../../src/runner/spawn.ts";
import { chatOf } from "./start-runner.ts";

/** A node that starts a runner, prints its process id once it answers, and is then killed by the test. */
const [modelPath = "", ...command] = process.argv.slice(2);
const runner = spawnRunner({ command, env: process.env, log: silentLog });
await runner.load({ modelPath, contextTokens: 4096, slots: 1, gpu: "cpu" });
let told = false;
for await (const _ of runner.generate(chatOf("go"))) {
  if (!told) process.stdout.write(`${runner.pid}\n`);
  told = true;
}
await new Promise(() => undefined);
