#pragma once
#include <llama-cpp.h>

#include <memory>
#include <string>
#include <vector>

#include "decode-loop.h"
#include "outbox.h"
#include "worker.h"

namespace llmlb {

/** A text, or its tokens when there are any. */
struct EmbedInput {
  std::string text;
  std::vector<llama_token> tokens;
};

/** Embeddings, on a thread and in a context of their own; both are made at the first request. */
class Embedder {
 public:
  Embedder(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox)
      : model_(model), threads_(options.threads), adapters_(options.adapters), outbox_(std::move(outbox)) {}

  /** `truncate`: an input that is too long loses its end; otherwise it is an error. */
  void submit(std::shared_ptr<Ticket> ticket, std::vector<EmbedInput> inputs, bool truncate);
  /** Drops what waits and ends the thread. */
  void stop() { worker_.reset(); }

 private:
  Embedded embed(const Ticket& ticket, const std::vector<EmbedInput>& inputs, bool truncate);
  std::vector<llama_token> tokensOf(const EmbedInput& input, size_t index, bool truncate) const;
  std::vector<float> embedTokens(const std::vector<llama_token>& tokens);
  void makeRoom(size_t tokens);

  llama_model* model_;
  int threads_;
  std::vector<llama_adapter_lora*> adapters_;
  std::shared_ptr<Outbox> outbox_;
  llama_context_ptr context_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace llmlb
