#pragma once
#include <memory>
#include <string>
#include <vector>

#include "outbox.h"
#include "pooled-context.h"
#include "worker.h"

namespace llmlb {

/** Scores of documents for a query, by the classifier head of a reranking model; on a thread and in a context of their own. */
class Ranker {
 public:
  Ranker(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox)
      : model_(model), context_(model, options, LLAMA_POOLING_TYPE_RANK), outbox_(std::move(outbox)) {}

  /** Answered by one vector of one score for each document. */
  void submit(std::shared_ptr<Ticket> ticket, std::string query, std::vector<std::string> documents);

 private:
  Embedded rank(const Ticket& ticket, const std::string& query, const std::vector<std::string>& documents);

  llama_model* model_;
  PooledContext context_;
  std::shared_ptr<Outbox> outbox_;
  std::unique_ptr<Worker> worker_;  // last: it ends first
};

}  // namespace llmlb
