import type { FloatType } from "../checkpoint/safetensors-header.ts";
import { convertFloats, plusOne } from "./float-types.ts";
import { permuteRows } from "./permute-rows.ts";
import type { Block } from "./plan-blocks.ts";

/** What is written of a block that was read. */
export const changeBlock = (
  bytes: Uint8Array<ArrayBuffer>,
  { source, type, change, rowBytes }: Pick<Block<{ type: FloatType }>, "source" | "type" | "change" | "rowBytes">,
): Uint8Array<ArrayBuffer> => {
  if (change?.kind === "plusOne") return convertFloats(plusOne(bytes, source.type), "F32", type);
  const ordered = change?.kind === "permute" ? permuteRows(bytes, change.headRows, rowBytes) : bytes;
  return convertFloats(ordered, source.type, type);
};
