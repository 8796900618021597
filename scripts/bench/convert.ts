import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asBrainFloats } from "../fixtures/brain-floats.ts";
import { writeRepository } from "../fixtures/build-repository.ts";
import { randomFloats } from "../fixtures/random-floats.ts";
import { tinyRepositories } from "../fixtures/tiny-repositories.ts";
import { median } from "./median.ts";

export interface ConvertBench {
  sizeBytes: number;
  runs: number;
  /** Medians; both with what they wrote on disk at the end. */
  convertSeconds: number;
  copySeconds: number;
  /** Bytes for a second of the conversion, divided by those of `cp`. */
  ratio: number;
  /** Peak resident memory of the converting process. */
  peakMB: number;
}

const layers = 10;
const hidden = 2048;
const feedForward = 5504;

/** Copies a Llama of 1 GB in BF16 with `cp` and converts it, taking turns, each in a process of its own. */
export const benchConvert = async ({ runs = 5, folder = tmpdir() } = {}): Promise<ConvertBench> => {
  const dir = await mkdtemp(join(folder, "llmlb-bench-convert-"));
  try {
    const source = join(dir, "source");
    const sizeBytes = await writeSource(source);
    const converted: { seconds: number; peakMB: number }[] = [];
    const copied: number[] = [];
    for (let run = 0; run < runs; run++) {
      copied.push(
        (await timed(["sh", "-c", 'cp "$0" "$1" && sync "$1"', join(source, "model.safetensors"), join(dir, "copy")]))
          .seconds,
      );
      await rm(join(dir, "copy"));
      converted.push(
        await timed([process.execPath, join(import.meta.dir, "convert-process.ts"), source, join(dir, "out.gguf")]),
      );
      await rm(join(dir, "out.gguf"));
    }
    const convertSeconds = median(converted.map(({ seconds }) => seconds));
    const copySeconds = median(copied);
    const peakMB = Math.max(...converted.map((one) => one.peakMB));
    return { sizeBytes, runs, convertSeconds, copySeconds, ratio: copySeconds / convertSeconds, peakMB };
  } finally {
    await rm(dir, { recursive: true });
  }
};

const timed = async (command: string[]) => {
  const started = performance.now();
  const child = Bun.spawn(command, { stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  const peakMB = Math.round((child.resourceUsage()?.maxRSS ?? 0) / 1024 ** 2);
  return { seconds: (performance.now() - started) / 1000, peakMB };
};

/** The tokenizer of the tiny Llama 2 with weights of its own, written tensor by tensor. */
const writeSource = async (dir: string): Promise<number> => {
  const tiny = tinyRepositories.find(({ name }) => name === "tiny-llama2");
  if (tiny === undefined) throw new RangeError("no tiny-llama2");
  const sizes = { hidden_size: hidden, intermediate_size: feedForward, num_hidden_layers: layers };
  const heads = { num_attention_heads: 16, num_key_value_heads: 4, tie_word_embeddings: true };
  await writeRepository({ ...tiny, config: { ...tiny.config, ...sizes, ...heads }, shapes: {} }, dir);
  const shapes: [string, number[]][] = [["model.embed_tokens.weight", [32_000, hidden]]];
  for (let layer = 0; layer < layers; layer++) shapes.push(...layerShapes(`model.layers.${layer}`));
  shapes.push(["model.norm.weight", [hidden]]);
  return writeWeights(join(dir, "model.safetensors"), shapes);
};

const layerShapes = (prefix: string): [string, number[]][] => [
  [`${prefix}.self_attn.q_proj.weight`, [hidden, hidden]],
  [`${prefix}.self_attn.k_proj.weight`, [hidden / 4, hidden]],
  [`${prefix}.self_attn.v_proj.weight`, [hidden / 4, hidden]],
  [`${prefix}.self_attn.o_proj.weight`, [hidden, hidden]],
  [`${prefix}.mlp.gate_proj.weight`, [feedForward, hidden]],
  [`${prefix}.mlp.up_proj.weight`, [feedForward, hidden]],
  [`${prefix}.mlp.down_proj.weight`, [hidden, feedForward]],
  [`${prefix}.input_layernorm.weight`, [hidden]],
  [`${prefix}.post_attention_layernorm.weight`, [hidden]],
];

const writeWeights = async (path: string, shapes: [string, number[]][]): Promise<number> => {
  let end = 0;
  const header: Record<string, unknown> = {};
  for (const [name, shape] of shapes) {
    const sizeBytes = 2 * shape.reduce((product, dim) => product * dim, 1);
    header[name] = { dtype: "BF16", shape, data_offsets: [end, end + sizeBytes] };
    end += sizeBytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const block = new Uint8Array(asBrainFloats(randomFloats("convert")(2 ** 20, 0.05)).buffer);
  await using file = await open(path, "w");
  await file.write(new Uint8Array(new BigUint64Array([BigInt(json.length)]).buffer));
  await file.write(json);
  for (let done = 0; done < end; done += block.length)
    await file.write(block.subarray(0, Math.min(block.length, end - done)));
  await file.sync();
  return end;
};
