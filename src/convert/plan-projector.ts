import { AppError } from "../core/errors.ts";
import type { GgufValue } from "../gguf/value.ts";
import { generalValues } from "./general-values.ts";
import { flag, list, text, uint32 } from "./gguf-values.ts";
import { findJsonFile, isObject, type JsonObject } from "./json-object.ts";
import { ModelConfig, ModelConfigPart } from "./model-config.ts";
import type { FilePlan } from "./plan-conversion.ts";
import { findProjector } from "./projectors/find-projector.ts";
import { planProjectorTensors } from "./projectors/plan-projector-tensors.ts";
import type { Projector, VisionConfig, VisionSizes } from "./projectors/projector.ts";

type Files = ReadonlyMap<string, Uint8Array>;

/**
 * What the small files of a repository say about the conversion of its encoder of pictures; pure. Throws `unsupported` with the reason
 * where only the language model can be converted, `corrupt` with the field.
 */
export const planProjector = (files: Files): FilePlan => {
  const json = findJsonFile(files, "config.json") ?? {};
  const model = new ModelConfig(json);
  const projector = findProjector(model.architecture);
  if (projector === undefined)
    throw new AppError("unsupported", `encoders of the architecture ${model.architecture} are not converted`);
  const config = {
    encoder: new ModelConfigPart(isObject(json.vision_config) ? json.vision_config : {}),
    preprocessor: preprocessorOf(files),
  };
  const sizes = projector.sizes(config);
  const shared = sharedValues(projector, sizes, model.count("hidden_size"), config.preprocessor);
  const own = { ...shared, ...projector.values(config) };
  return {
    metadata: (type, name) =>
      new Map([
        ...generalValues("clip", "mmproj", name, type),
        ...Object.entries(own).flatMap(([key, value]): [string, GgufValue][] => (value ? [[key, value]] : [])),
      ]),
    extraTensors: [],
    planTensors: (type, sources) => planProjectorTensors(projector, sizes.layers, type, sources),
  };
};

/** processor_config.json wins, and what stands under `image_processor` there wins over both. */
const preprocessorOf = (files: Files): ModelConfigPart => {
  const processor: JsonObject = findJsonFile(files, "processor_config.json") ?? {};
  return new ModelConfigPart({
    ...findJsonFile(files, "preprocessor_config.json"),
    ...processor,
    ...(isObject(processor.image_processor) ? processor.image_processor : {}),
  });
};

/** What llama.cpp's `MmprojModel.set_gguf_parameters` writes for every family. */
const sharedValues = (
  { name }: Projector,
  sizes: VisionSizes,
  width: number,
  preprocessor: VisionConfig["preprocessor"],
): Record<string, GgufValue> => ({
  "clip.projector_type": text(name),
  "clip.has_vision_encoder": flag(true),
  "clip.vision.projection_dim": uint32(width),
  "clip.vision.image_size": uint32(sizes.image),
  "clip.vision.patch_size": uint32(sizes.patch),
  "clip.vision.embedding_length": uint32(sizes.width),
  "clip.vision.feed_forward_length": uint32(sizes.feedForward),
  "clip.vision.block_count": uint32(sizes.layers),
  "clip.vision.attention.head_count": uint32(sizes.heads),
  "clip.vision.image_mean": list("float32", coloursOf(preprocessor, "image_mean")),
  "clip.vision.image_std": list("float32", coloursOf(preprocessor, "image_std")),
});

const coloursOf = (preprocessor: ModelConfigPart, key: string): number[] => {
  const values = preprocessor.findNumbers(key);
  if (values?.length === 3) return values;
  throw new AppError(
    "unsupported",
    `neither preprocessor_config.json nor processor_config.json has the three of ${key}`,
  );
};
