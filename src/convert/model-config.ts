import { AppError } from "../core/errors.ts";
import { isObject, type JsonObject } from "./json-object.ts";

/** config.json of a model, with what stands under `text_config` on top, as llama.cpp's converter reads it. */
export class ModelConfig {
  /** The first of `architectures`, e.g. `LlamaForCausalLM`. */
  readonly architecture: string;
  readonly hasEncoders: boolean;
  /** Rotary position: `rope_parameters` of transformers 5, else `rope_scaling`, with `rope_theta` and `rope_type` filled in. */
  readonly rope: ModelConfigPart;
  readonly #config: JsonObject;
  readonly #values: ModelConfigPart;

  constructor(config: JsonObject) {
    this.#config = config;
    const [architecture] = Array.isArray(config.architectures) ? config.architectures : [];
    if (typeof architecture !== "string")
      throw new AppError("corrupt", "config.json names no architecture (architectures)");
    this.architecture = architecture;
    this.hasEncoders = encoderKeys.some((key) => isObject(config[key]));
    this.#values = new ModelConfigPart(isObject(config.text_config) ? { ...config, ...config.text_config } : config);
    this.rope = ropeOf(this.#values);
  }

  /** The same with `defaults` for what is not there. */
  withDefaults(defaults: JsonObject): ModelConfig {
    const missing = Object.entries(defaults).filter(([key]) => !this.has(key));
    return new ModelConfig({
      ...this.#config,
      text_config: {
        ...(isObject(this.#config.text_config) ? this.#config.text_config : {}),
        ...Object.fromEntries(missing),
      },
    });
  }

  has = (key: string): boolean => this.#values.find(key) !== undefined;
  find = (key: string): unknown => this.#values.find(key);
  findCount = (...keys: string[]): number | undefined => this.#values.findCount(...keys);
  findNumber = (...keys: string[]): number | undefined => this.#values.findNumber(...keys);

  count(...keys: string[]): number {
    return this.#values.findCount(...keys) ?? missing(keys);
  }

  number(...keys: string[]): number {
    return this.#values.findNumber(...keys) ?? missing(keys);
  }

  get layers(): number {
    return bounded(
      this.count("num_hidden_layers", "n_layers", "n_layer", "num_layers"),
      layersMax,
      "num_hidden_layers",
    );
  }

  get heads(): number {
    return atLeastOne(this.count("num_attention_heads", "n_head", "n_heads"), "num_attention_heads");
  }

  get keyValueHeads(): number {
    return atLeastOne(this.findCount("num_key_value_heads", "n_kv_heads") ?? this.heads, "num_key_value_heads");
  }

  /** What transformers takes where config.json does not say: the heads share the hidden size. */
  get headDimension(): number {
    const dimension = this.findCount("head_dim") ?? Math.floor(this.count("hidden_size") / this.heads);
    return bounded(dimension, headDimensionMax, "head_dim");
  }
}

const encoderKeys = ["vision_config", "audio_config", "speech_config"];

/** Far above every real model; bounds the work on one. */
const layersMax = 4096;

/** Real ones are 512 at the most; bounds the tensors that are computed out of it. */
const headDimensionMax = 65_536;

/** Values by their keys, checked as they are taken. */
export class ModelConfigPart {
  readonly #values: JsonObject;

  constructor(values: JsonObject) {
    this.#values = values;
  }

  /** What stands under `key`; null is as if it was not there. */
  find(key: string): unknown {
    return (Object.hasOwn(this.#values, key) ? this.#values[key] : undefined) ?? undefined;
  }

  /** The first of `keys` that is there; throws `corrupt` unless it is a finite number. */
  findNumber(...keys: string[]): number | undefined {
    const key = keys.find((candidate) => this.find(candidate) !== undefined);
    if (key === undefined) return undefined;
    const value = this.find(key);
    if (typeof value !== "number" || !Number.isFinite(value))
      throw new AppError("corrupt", `config.json: ${key} is no number`);
    return value;
  }

  /** The first of `keys` that is there; throws `corrupt` unless it fits 32 bits without a sign. */
  findCount(...keys: string[]): number | undefined {
    const value = this.findNumber(...keys);
    if (value !== undefined && (!Number.isInteger(value) || value < 0 || value >= 2 ** 32))
      throw new AppError("corrupt", `config.json: ${keys[0]} is no count`);
    return value;
  }

  findText(key: string): string | undefined {
    const value = this.find(key);
    return typeof value === "string" ? value : undefined;
  }

  findPart(key: string): ModelConfigPart | undefined {
    const value = this.find(key);
    return isObject(value) ? new ModelConfigPart(value) : undefined;
  }

  /** Throws `corrupt` unless each fits 31 bits, as llama.cpp's own lists of counts have them. */
  findCounts(key: string): number[] | undefined {
    const values = this.findNumbers(key);
    if (values?.some((value) => !Number.isInteger(value) || value < 0 || value >= 2 ** 31))
      throw new AppError("corrupt", `config.json: ${key} is no list of counts`);
    return values;
  }

  findNumbers(key: string): number[] | undefined {
    const value = this.find(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === "number"))
      throw new AppError("corrupt", `config.json: ${key} is no list of numbers`);
    return value;
  }
}

/** Keys of config.json that transformers 5 keeps in `rope_parameters`, and the names that models gave them. */
const mirrored: Record<string, string[]> = {
  rope_theta: ["global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base"],
  partial_rotary_factor: ["partial_rotary_factor", "rope_pct", "rope_percent"],
  original_max_position_embeddings: ["original_max_position_embeddings"],
};

const localThetas = [
  "local_rope_theta",
  "rope_local_theta",
  "rope_theta_local",
  "swa_rope_theta",
  "rope_local_base_freq",
];

const ropeOf = (values: ModelConfigPart): ModelConfigPart => {
  const found = values.find("rope_parameters") ?? values.find("rope_scaling");
  const rope: Record<string, unknown> = isObject(found) ? { ...found } : {};
  if (rope.full_attention !== undefined || rope.sliding_attention !== undefined) return new ModelConfigPart(rope);
  const local = values.findNumber(...localThetas);
  if (local !== undefined) rope.sliding_attention = { rope_theta: local };
  for (const [name, keys] of Object.entries(mirrored)) rope[name] ??= values.findNumber(...keys);
  rope.rope_type ??= rope.type;
  return new ModelConfigPart(rope);
};

const missing = (keys: string[]): never => {
  throw new AppError("corrupt", `config.json has no ${keys[0]}`);
};

const atLeastOne = (count: number, key: string): number => {
  if (count < 1) throw new AppError("corrupt", `config.json: ${key} is ${count}`);
  return count;
};

const bounded = (count: number, max: number, key: string): number => {
  if (count > max) throw new AppError("corrupt", `config.json: ${key} is ${count}, the most is ${max}`);
  return count;
};
