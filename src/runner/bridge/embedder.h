#pragma once
#include <memory>
#include <string>
#include <vector>

#include "outbox.h"
#include "pooled-context.h"
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
  Embedder(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox);

  /** `truncate`: an input that is too long loses its end; otherwise it is an error. */
  void submit(std::shared_ptr<Ticket> ticket, std::vector<EmbedInput> inputs, bool truncate);
  /** Drops what waits and ends the thread. */
  void stop() { worker_.reset(); }

 private:
  Embedded embed(const Ticket& ticket, const std::vector<EmbedInput>& inputs, bool truncate);
  std::vector<llama_token> tokensOf(const EmbedInput& input, size_t index, bool truncate) const;

  llama_model* model_;
  PooledContext context_;
  std::shared_ptr<Outbox> outbox_;
  std::unique_ptr<Worker> worker_;  // last: it ends first
};

}  // namespace llmlb
