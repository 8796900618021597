/** A node that has a job done, prints once it runs, and is then killed by the test: `bun doomed-node.ts INPUT OUTPUT COMMAND...`. */
import { spawnConverter } from "../../src/convert/spawn-converter.ts";
import { silentLog } from "../../src/core/log.ts";

const [input = "", output = "", ...command] = process.argv.slice(2);
const converter = spawnConverter({ command: async () => command, env: process.env, log: silentLog });
const onProgress = () => process.stdout.write("runs\n");
const signal = new AbortController().signal;
await converter.run({ type: "quantize", input, output, target: "Q4_K_M", threads: 1 }, { signal, onProgress });
await new Promise(() => undefined);
