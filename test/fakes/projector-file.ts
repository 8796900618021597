import { encodeGgufHeader } from "../../src/gguf/encode-header.ts";
import type { GgufValue } from "../../src/gguf/value.ts";

const text = (value: string): GgufValue => ({ type: "string", value });
const number = (value: number): GgufValue => ({ type: "uint32", value });

/** The header of a multimodal projector with one tensor of 64 elements, whose data is all zero. */
export const projectorFile = (senses: { vision?: boolean; audio?: boolean }): Uint8Array => {
  const flags = Object.entries(senses).map(([sense, value]): [string, GgufValue] => [
    `clip.has_${sense}_encoder`,
    { type: "bool", value },
  ]);
  const sense = senses.vision ? "vision" : "audio";
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", text("clip")],
    ["clip.projector_type", text("mlp")],
    ...flags,
    [`clip.${sense}.embedding_length`, number(1152)],
    [`clip.${sense}.projection_dim`, number(2048)],
  ]);
  const { header, sizeBytes } = encodeGgufHeader(metadata, [{ name: "mm.0.weight", type: "F32", dims: [16, 4] }]);
  const file = new Uint8Array(sizeBytes);
  file.set(header);
  return file;
};
