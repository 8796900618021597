import type { GgufHeader } from "./header.ts";
import { findText, type GgufMetadata } from "./value.ts";

/** What a model takes in beside text. */
export type Sense = "vision" | "audio";

/** What a multimodal projector's header (`mmproj`, architecture `clip`) tells. */
export interface ProjectorFacts {
  /** Elements of all tensors. */
  parameterCount: number;
  senses: Sense[];
}

export const projectorFacts = ({ metadata, tensors }: GgufHeader): ProjectorFacts => ({
  parameterCount: tensors.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0),
  senses: sensesOf(metadata),
});

const encoders: readonly (readonly [key: string, sense: Sense])[] = [
  ["clip.has_vision_encoder", "vision"],
  ["clip.has_audio_encoder", "audio"],
];

/** The first projectors were for pictures only, and some name nothing but their type. */
const sensesOf = (metadata: GgufMetadata): Sense[] => {
  if (encoders.every(([key]) => !metadata.has(key)))
    return findText(metadata, "general.architecture") === "clip" && metadata.has("clip.projector_type")
      ? ["vision"]
      : [];
  return encoders.flatMap(([key, sense]) => (isTrue(metadata, key) ? sense : []));
};

const isTrue = (metadata: GgufMetadata, key: string): boolean => {
  const found = metadata.get(key);
  return found?.type === "bool" && found.value;
};
