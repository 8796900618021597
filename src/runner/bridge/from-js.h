#pragma once
#include <napi.h>

#include "decode-loop.h"
#include "embedder.h"
#include "estimate.h"
#include "media-file.h"

/** Options that JavaScript gives, as src/runner/native-bridge.ts types them. */
namespace llmlb {

/** From BridgeOptions. */
LoopOptions bridgeOptionsFrom(const Napi::Object& given);

/** From ContextOptions. */
LoopOptions loopOptionsFrom(const Napi::Object& given);

/** From EmbedInput[] (src/core/embedding.ts). */
std::vector<EmbedInput> embedInputsFrom(const Napi::Array& given);

/** From MediaPart[] (src/core/generation.ts); without hashes. */
std::vector<MediaFile> mediaFilesFrom(const Napi::Array& given);

/** From an array of strings. */
std::vector<std::string> textsFrom(const Napi::Value& given);

/** From NativeEstimateOptions. */
EstimateRequest estimateRequestFrom(const Napi::Object& given);

}  // namespace llmlb
