#include "from-js.h"

#include <algorithm>

namespace llmlb {
namespace {

int integer(const Napi::Object& given, const char* name) { return given.Get(name).ToNumber().Int32Value(); }

std::string text(const Napi::Object& given, const char* name) { return given.Get(name).ToString().Utf8Value(); }

}  // namespace

LoopOptions loopOptionsFrom(const Napi::Object& given) {
  LoopOptions options;
  options.slots = integer(given, "slots");
  options.contextTokens = integer(given, "contextTokens");
  options.threads = integer(given, "threads");
  options.kvCacheType = text(given, "kvCacheType");
  options.flashAttention = static_cast<llama_flash_attn_type>(std::clamp(integer(given, "flashAttention"), -1, 1));
  return options;
}

LoopOptions bridgeOptionsFrom(const Napi::Object& given) {
  LoopOptions options = loopOptionsFrom(given);
  options.windowTokens = static_cast<size_t>(given.Get("windowTokens").ToNumber().Int64Value());
  if (given.Get("projector").IsExternal())
    options.projector = *given.Get("projector").As<Napi::External<std::shared_ptr<Projector>>>().Data();
  options.promptCacheBytes = static_cast<size_t>(given.Get("promptCacheBytes").ToNumber().Int64Value());
  return options;
}

std::vector<EmbedInput> embedInputsFrom(const Napi::Array& given) {
  std::vector<EmbedInput> inputs(given.Length());
  for (uint32_t i = 0; i < given.Length(); i++) {
    const Napi::Value input = given.Get(i);
    if (!input.IsArray()) {
      inputs[i].text = input.ToString().Utf8Value();
      continue;
    }
    const auto tokens = input.As<Napi::Array>();
    for (uint32_t at = 0; at < tokens.Length(); at++) inputs[i].tokens.push_back(tokens.Get(at).ToNumber().Int32Value());
  }
  return inputs;
}

std::vector<MediaFile> mediaFilesFrom(const Napi::Array& given) {
  std::vector<MediaFile> files;
  for (uint32_t i = 0; i < given.Length(); i++) {
    const auto part = given.Get(i).As<Napi::Object>();
    const auto data = part.Get("data").As<Napi::Uint8Array>();
    const auto kind = text(part, "type") == "image" ? MediaKind::image : MediaKind::audio;
    files.push_back({kind, {data.Data(), data.Data() + data.ByteLength()}, {}});
  }
  return files;
}

std::vector<std::string> textsFrom(const Napi::Value& given) {
  std::vector<std::string> texts;
  const auto array = given.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(array.Get(i).ToString().Utf8Value());
  return texts;
}

EstimateRequest estimateRequestFrom(const Napi::Object& given) {
  EstimateRequest request;
  request.path = text(given, "modelPath");
  request.projectorPath = text(given, "projectorPath");
  request.loop = loopOptionsFrom(given);
  request.contextTokensMin = integer(given, "contextTokensMin");
  request.gpuLayers = integer(given, "gpuLayers");
  request.gpus = given.Get("gpus").ToBoolean();
  request.marginBytes = static_cast<size_t>(given.Get("marginBytes").ToNumber().Int64Value());
  return request;
}

}  // namespace llmlb
