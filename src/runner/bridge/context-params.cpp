#include "context-params.h"

#include <algorithm>
#include <string>

#include "decode-loop.h"
#include "failure.h"

namespace llmlb {
namespace {

// Tokens evaluated in one step: large enough for a full matrix multiplication, small enough for running answers to flow.
constexpr int kBatchTokens = 512;

ggml_type typeOf(const std::string& name) {
  for (int i = 0; i < GGML_TYPE_COUNT; i++) {
    const auto type = static_cast<ggml_type>(i);
    const char* known = ggml_type_name(type);
    if (known != nullptr && name == known) return type;
  }
  throw Failure("invalid_argument", "unknown KV cache type \"" + name + "\"");
}

}  // namespace

llama_context_params contextParams(const LoopOptions& options) {
  llama_context_params params = llama_context_default_params();
  // Every slot has a whole context to itself: num_ctx is never divided by the number of slots.
  params.n_ctx = static_cast<uint32_t>(options.contextTokens) * static_cast<uint32_t>(options.slots);
  params.n_seq_max = static_cast<uint32_t>(options.slots);
  params.kv_unified = false;
  params.n_batch = params.n_ubatch = static_cast<uint32_t>(std::max(kBatchTokens, options.slots));
  params.n_threads = params.n_threads_batch = options.threads;
  params.flash_attn_type = options.flashAttention;
  if (!options.kvCacheType.empty()) params.type_k = params.type_v = typeOf(options.kvCacheType);
  if (ggml_is_quantized(params.type_v) && options.flashAttention == LLAMA_FLASH_ATTN_TYPE_DISABLED) {
    throw Failure("invalid_argument", "a quantized KV cache needs flash attention; do not switch it off");
  }
  params.swa_full = false;
  params.no_perf = true;
  return params;
}

}  // namespace llmlb
