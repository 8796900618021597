import { isRecord, parseJson } from "../core/json.ts";
import type { FloatType } from "./quantizations.ts";

const names: ReadonlyMap<unknown, FloatType> = new Map([
  ["float32", "F32"],
  ["float16", "F16"],
  ["bfloat16", "BF16"],
]);

/** What config.json says that the weights are kept in; BF16, which nearly all are, where it does not say. */
export const sourceType = (config: Uint8Array | undefined): FloatType => {
  const value = parseJson(new TextDecoder().decode(config));
  if (!isRecord(value)) return "BF16";
  const text = isRecord(value.text_config) ? value.text_config : {};
  return names.get(value.torch_dtype ?? value.dtype ?? text.torch_dtype ?? text.dtype) ?? "BF16";
};
