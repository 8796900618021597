#pragma once
#include <llama-cpp.h>

#include <vector>

#include "decode-loop.h"

namespace llmlb {

/** A context that takes whole inputs, one at a time, and pools what the model makes of their tokens. Made at its first use; for one thread. */
class PooledContext {
 public:
  PooledContext(llama_model* model, const LoopOptions& options, enum llama_pooling_type pooling)
      : model_(model), threads_(options.threads), adapters_(options.adapters), pooling_(pooling) {}

  /** What is pooled; good until the next call. Throws Failure. */
  const float* evaluate(const std::vector<llama_token>& tokens);

 private:
  void makeRoom(size_t tokens);

  llama_model* model_;
  int threads_;
  std::vector<llama_adapter_lora*> adapters_;
  enum llama_pooling_type pooling_;
  llama_context_ptr context_;
};

}  // namespace llmlb
