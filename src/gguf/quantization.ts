/**
 * A quantization as file names carry it. `XL` and `L` come from repackers (Unsloth's `UD-Q4_K_XL`, bartowski's `Q6_K_L`);
 * `MXFP4_MOE` is llama.cpp's own name of the file type.
 */
const pattern =
  /(?<![A-Za-z0-9])((?:UD[-_])?(?:I?Q[1-8](?:_(?:K|0|1|XXS|XS|S|M|NL))(?:_(?:XXS|XS|S|M|L|XL))?|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|F16|FP16|F32|FP32))(?![A-Za-z0-9]|_\d)/gi;

/**
 * The quantization that a repository path names, in upper case, e.g. `Q4_K_M`, `UD-Q4_K_XL`, `BF16`: the last one in the base name,
 * else the last one in the parent folder (`Q8_0/model-00001-of-00002.gguf`). Undefined when neither names one.
 */
export const findQuantization = (path: string): string | undefined => {
  const segments = path.split("/");
  const base = segments.pop() ?? "";
  const parent = segments.pop() ?? "";
  return lastMatch(base.replace(/\.gguf$/i, "")) ?? lastMatch(parent);
};

/** One spelling per quantization: upper case, `FP16` -> `F16`, `UD_` -> `UD-`, `MXFP4_MOE` -> `MXFP4`. */
export const normalizeQuantization = (quantization: string): string =>
  quantization
    .toUpperCase()
    .replace(/^UD_/, "UD-")
    .replace(/^FP(16|32)$/, "F$1")
    .replace(/^MXFP4_MOE$/, "MXFP4");

const lastMatch = (text: string) => {
  const found = [...text.matchAll(pattern)].at(-1)?.[1];
  return found === undefined ? undefined : normalizeQuantization(found);
};
