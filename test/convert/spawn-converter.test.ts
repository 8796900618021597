import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { buildNative } from "../../scripts/native.ts";
import type { ConversionJob } from "../../src/convert/conversion-job.ts";
import { type JobHooks, spawnConverter } from "../../src/convert/spawn-converter.ts";
import { silentLog } from "../../src/core/log.ts";
import { modelFacts } from "../../src/gguf/model-facts.ts";
import { readGgufHeader } from "../../src/gguf/read-header.ts";
import { writeGguf } from "../../src/gguf/write.ts";
import { until } from "../e2e/harness.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-convert-"));
const small = join(dir, "small-F16.gguf");
const large = join(dir, "large-F16.gguf");
const output = join(dir, "output.gguf");
let command: string[] = [];

const zeros = new Uint8Array(1 << 20);

/** What takes one thread some seconds to quantize. */
const writeLarge = async () => {
  const { metadata } = await readGgufHeader(small, { arrayItemsMax: Number.POSITIVE_INFINITY });
  const data = () => Array.from({ length: 256 }, () => zeros);
  const tensors = [0, 1].map(() => ({ type: "F16" as const, dims: [4096, 32_768], data }));
  await writeGguf(large, {
    metadata,
    tensors: tensors.map((tensor, index) => ({ ...tensor, name: `blk.0.ffn_${index === 0 ? "up" : "gate"}.weight` })),
  });
};

beforeAll(async () => {
  const main = join(import.meta.dir, "../../src/main.ts");
  command = [process.execPath, main, "__convert", await buildNative()];
  writeFileSync(small, buildModel("tiny-hello", "F16"));
  await writeLarge();
}, 600_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const converter = (line = command) => spawnConverter({ command: async () => line, env: process.env, log: silentLog });

const run = (job: ConversionJob, hooks: Partial<JobHooks> = {}, line = command) =>
  converter(line).run(job, { signal: new AbortController().signal, onProgress: () => undefined, ...hooks });

const quantizeOf = (input: string): ConversionJob => ({
  type: "quantize",
  input,
  output,
  target: "Q4_K_M",
  threads: 1,
});

const failure = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => "it worked",
    (error) => `${error.code}: ${error.message}`,
  );

/** Pids of the conversions that read `file`. */
const readersOf = (file: string): string[] =>
  Bun.spawnSync(["ls", "/proc"])
    .stdout.toString()
    .split("\n")
    .filter((pid) => /^\d+$/.test(pid) && mapsOf(pid).includes(file));

const mapsOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/maps`, "utf8");
  } catch {
    return ""; // gone, or another user's
  }
};

test("a process of its own quantizes and tells how far it is", async () => {
  const shares: number[] = [];
  const { llamaCpp } = await run(quantizeOf(small), { onProgress: (done, total) => shares.push(done / total) });
  expect(llamaCpp).toMatch(/\d/);
  expect(shares).toHaveLength(12);
  expect(modelFacts(await readGgufHeader(output)).quantization).toBe("Q4_K_M");
});

test("what goes wrong in it is told with its code", async () => {
  expect(await failure(run(quantizeOf(join(dir, "nothing.gguf"))))).toContain("nothing.gguf");
  writeFileSync(join(dir, "broken.gguf"), buildModel("edge-truncated"));
  expect(await failure(run(quantizeOf(join(dir, "broken.gguf"))))).toStartWith("corrupt: ");
});

test("an abort of llama.cpp's is one line", async () => {
  const line = [process.execPath, join(import.meta.dir, "aborting-child.ts")];
  expect(await failure(run(quantizeOf(small), {}, line))).toBe(
    "internal: the conversion process was ended by SIGABRT: /src/llama-quant.cpp:1332: GGML_ASSERT(size == new_size) failed",
  );
  expect(await failure(run(quantizeOf(small), {}, ["/nowhere/llmlb"]))).toStartWith(
    "internal: cannot start a conversion process: ",
  );
});

test("an aborted signal ends the process before the promise is settled", async () => {
  const stop = new AbortController();
  let seen: string[] = [];
  const onProgress = () => {
    seen = readersOf(large);
    stop.abort(new Error("enough"));
  };
  await expect(run(quantizeOf(large), { signal: stop.signal, onProgress })).rejects.toThrow("enough");
  expect(seen).toHaveLength(1);
  expect(readersOf(large)).toEqual([]);
});

test("a node that is killed takes the process with it", async () => {
  const node = Bun.spawn([process.execPath, join(import.meta.dir, "doomed-node.ts"), large, output, ...command], {
    stdout: "pipe",
  });
  await node.stdout.getReader().read();
  expect(readersOf(large)).toHaveLength(1);
  node.kill("SIGKILL");
  await node.exited;
  await until(() => readersOf(large).length === 0, "the converter has ended");
});

test("by hand it does nothing", () => {
  const { exitCode, stderr } = Bun.spawnSync(command);
  expect([exitCode, stderr.toString()]).toEqual([1, "Error: a conversion is started by a pull, not by hand\n"]);
});
