import { AppError } from "../../core/errors.ts";
import type { Architecture } from "../architectures/architecture.ts";

/** Where a tensor of the repository goes. */
export interface Place {
  /** One name, or the names of its two halves. */
  names: readonly string[];
  /** Its number among those that are stacked under the name. */
  expert?: number;
}

const rootNames: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
};

/** Computed by llama.cpp itself, or buffers of old transformers. */
const unused = [".attention.masked_bias", ".attention.bias", ".rotary_emb.inv_freq"];

/** Parts of multimodal repositories that belong to their encoders, by llama.cpp's converter. */
const encoderPattern =
  /^(?:mlp|vit\.|vpm\.|siglip2\.|conformer\.|merger\.|resampler\.|sound_)|visual\.|vision[._]|audio[._]|talker\.|projector\.|image_newline|patch_embed|patch_merge|model\.connector\./;

/** Undefined for what is not converted; throws `unsupported` for a tensor that the architecture has no place for. */
export const mapTensorName = (architecture: Architecture, layers: number, source: string): Place | undefined => {
  if (encoderPattern.test(source) || unused.some((end) => source.endsWith(end))) return undefined;
  if (architecture.leftOut?.includes(source)) return undefined;
  const name = source.replace("language_model.", "");
  const [, stem = name, suffix = ""] = /^(.*)(\.weight|\.bias)$/.exec(name) ?? [];
  const root = Object.hasOwn(rootNames, stem) ? rootNames[stem] : undefined;
  if (root !== undefined) return { names: [root + suffix] };
  const place = mapLayerTensor(architecture, layers, stem, suffix);
  if (place === undefined)
    throw new AppError("unsupported", `${architecture.name} has no place for the tensor ${source}`);
  return place;
};

const mapLayerTensor = (
  { layerNames }: Architecture,
  layers: number,
  stem: string,
  suffix: string,
): Place | undefined => {
  const [, layer = "", part = ""] = /^model\.layers\.(\d{1,5})\.(.+)$/.exec(stem) ?? [];
  if (layer === "" || Number(layer) >= layers) return undefined;
  const [, before = "", number, after = ""] = /^(.*\.experts\.)(\d{1,5})(\..+)$/.exec(part) ?? [];
  const key = number === undefined ? part : `${before}*${after}`;
  const found = Object.hasOwn(layerNames, key) ? layerNames[key] : undefined;
  if (found === undefined) return undefined;
  const names = (typeof found === "string" ? [found] : found).map(
    (name) => `blk.${Number(layer)}.${name}${suffix || ".weight"}`,
  );
  return { names, ...(number !== undefined && { expert: Number(number) }) };
};
