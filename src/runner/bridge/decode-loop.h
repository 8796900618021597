#pragma once
#include <llama-cpp.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "outbox.h"
#include "slot.h"

namespace llmlb {

struct LoopOptions {
  int slots = 1;
  int contextTokens = 0;
  int threads = 1;
};

struct LoopStats {
  size_t busySlots = 0, queued = 0, finished = 0, promptTokens = 0, completionTokens = 0;
};

/**
 * Continuous batching: requests join and leave the running batch between two decode steps, on one thread. Requests wait
 * in their order of arrival for a slot; long prompts are evaluated in pieces, beside the running answers.
 */
class DecodeLoop {
 public:
  /** Makes the context. Throws Failure `load_failed` if it does not fit into memory. */
  DecodeLoop(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox);
  ~DecodeLoop();

  /** Takes a prepared request; from any thread. */
  void submit(std::shared_ptr<Request> request);
  /** A request was cancelled: look at once. */
  void wake();
  /** Ends the thread; running requests get no answer any more. Idempotent. */
  void stop();

  LoopStats stats() const;
  const llama_context* context() const { return context_.get(); }
  bool canGenerate() const { return llama_get_memory(context_.get()) != nullptr; }

 private:
  void run();
  void step();
  bool waitForWork();
  void dropCancelled();
  void admit();
  Slot* idleSlotFor(const Request& request);
  void start(Slot& slot, std::shared_ptr<Request> request);
  size_t reuse(Slot& slot, size_t common);
  void fillBatch();
  void addPromptPiece(Slot& slot, size_t room);
  bool decode();
  void advance(Slot& slot);
  void finish(Slot& slot, Reason reason);
  void release(Slot& slot);
  void failAll(const Failure& failure);

  const LoopOptions options_;
  const llama_vocab* vocab_;
  const int slidingWindow_;
  std::shared_ptr<Outbox> outbox_;
  llama_context_ptr context_;
  llama_batch batch_{};
  std::vector<Slot> slots_;
  std::deque<std::shared_ptr<Request>> queue_;
  uint64_t order_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Request>> incoming_;
  bool woken_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> busySlots_{0}, queued_{0}, finished_{0}, promptTokens_{0}, completionTokens_{0};
  std::thread thread_;
};

}  // namespace llmlb
