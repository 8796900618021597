import { getFileTypeNumber } from "../gguf/file-types.ts";
import type { GgufValue } from "../gguf/value.ts";
import type { FloatType } from "./checkpoint/safetensors-header.ts";
import { text, uint32 } from "./gguf-values.ts";

/** GGML_QNT_VERSION. */
const quantizationVersion = 2;

/** The keys that every file has. */
export const generalValues = (
  architecture: string,
  kind: "model" | "mmproj",
  name: string,
  type: FloatType,
): [string, GgufValue][] => [
  ["general.architecture", text(architecture)],
  ["general.type", text(kind)],
  ["general.name", text(name)],
  ["general.file_type", uint32(getFileTypeNumber(type))],
  ["general.quantization_version", uint32(quantizationVersion)],
];
