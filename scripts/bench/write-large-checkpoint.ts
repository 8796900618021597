import { open } from "node:fs/promises";
import { join } from "node:path";
import { asBrainFloats } from "../fixtures/brain-floats.ts";
import { getTinyRepository, writeRepository } from "../fixtures/build-repository.ts";
import { randomFloats } from "../fixtures/random-floats.ts";

const hidden = 2048;
const feedForward = 5504;

export interface LargeCheckpoint {
  /** Of 89 MB each. */
  layers: number;
  shards: number;
}

type Shapes = [name: string, shape: number[]][];

/** A Llama in BF16 with the tokenizer of the tiny Llama 2 and random weights, written tensor by tensor to `dir`. Returns the bytes of the weights. */
export const writeLargeCheckpoint = async (dir: string, { layers, shards }: LargeCheckpoint): Promise<number> => {
  const tiny = getTinyRepository("tiny-llama2");
  const sizes = { hidden_size: hidden, intermediate_size: feedForward, num_hidden_layers: layers };
  const heads = { num_attention_heads: 16, num_key_value_heads: 4, tie_word_embeddings: true };
  const config = { ...tiny.config, ...sizes, ...heads, torch_dtype: "bfloat16" };
  await writeRepository({ ...tiny, config, shapes: {}, shards: 1 }, dir);
  const parts = inShards(shapesOf(layers), shards);
  const index: Record<string, string> = {};
  let sizeBytes = 0;
  for (const [part, shapes] of parts.entries()) {
    const name = shards === 1 ? "model.safetensors" : `model-${pad(part + 1)}-of-${pad(shards)}.safetensors`;
    for (const [tensor] of shapes) index[tensor] = name;
    sizeBytes += await writeWeights(join(dir, name), shapes);
  }
  if (shards > 1) {
    await Bun.file(join(dir, "model.safetensors")).delete();
    await Bun.write(join(dir, "model.safetensors.index.json"), JSON.stringify({ metadata: {}, weight_map: index }));
  }
  return sizeBytes;
};

const pad = (value: number) => String(value).padStart(5, "0");

const shapesOf = (layers: number): Shapes => [
  ["model.embed_tokens.weight", [32_000, hidden]],
  ...Array.from({ length: layers }, (_, layer) => layerShapes(`model.layers.${layer}`)).flat(),
  ["model.norm.weight", [hidden]],
];

const inShards = (shapes: Shapes, count: number): Shapes[] => {
  const perShard = Math.ceil(shapes.length / count);
  return Array.from({ length: count }, (_, index) => shapes.slice(index * perShard, (index + 1) * perShard));
};

const layerShapes = (prefix: string): Shapes => [
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

const writeWeights = async (path: string, shapes: Shapes): Promise<number> => {
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
