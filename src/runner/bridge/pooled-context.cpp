#include "pooled-context.h"

#include <common.h>

#include <algorithm>
#include <bit>

#include "adapters.h"
#include "bridge-log.h"
#include "failure.h"

namespace llmlb {
namespace {

constexpr size_t kContextTokensMin = 512;

struct Batch {
  explicit Batch(size_t tokens) : value(llama_batch_init(static_cast<int32_t>(tokens), 0, 1)) {}
  Batch(const Batch&) = delete;
  ~Batch() { llama_batch_free(value); }
  llama_batch value;
};

}  // namespace

const float* PooledContext::evaluate(const std::vector<llama_token>& tokens) {
  makeRoom(tokens.size());
  if (llama_memory_t memory = llama_get_memory(context_.get())) llama_memory_clear(memory, false);
  Batch batch(tokens.size());
  for (size_t i = 0; i < tokens.size(); i++) {
    common_batch_add(batch.value, tokens[i], static_cast<llama_pos>(i), {0}, true);
  }
  const float* vector = llama_decode(context_.get(), batch.value) == 0 ? llama_get_embeddings_seq(context_.get(), 0) : nullptr;
  if (vector == nullptr) throw Failure("internal", "llama.cpp could not evaluate the input: " + takeLogErrors());
  return vector;
}

/** Pooling sees one physical batch only, so that batch must hold the whole input; it grows with the longest input seen. */
void PooledContext::makeRoom(size_t tokens) {
  if (context_ && llama_n_ubatch(context_.get()) >= tokens) return;
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = static_cast<uint32_t>(std::max(kContextTokensMin, std::bit_ceil(tokens)));
  params.n_seq_max = 1;
  params.n_threads = params.n_threads_batch = threads_;
  params.embeddings = true;
  params.pooling_type = pooling_;
  params.no_perf = true;
  context_.reset();
  context_.reset(llama_init_from_model(model_, params));
  if (!context_) throw Failure("load_failed", "the context for whole inputs cannot be made: " + takeLogErrors());
  applyAdapters(context_.get(), adapters_);
}

}  // namespace llmlb
