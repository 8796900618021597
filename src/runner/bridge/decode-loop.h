#pragma once
#include <common.h>
#include <llama-cpp.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cpu-clock.h"
#include "outbox.h"
#include "prompt-cache.h"
#include "slot.h"

namespace llmlb {

struct LoopOptions {
  int slots = 1;
  int contextTokens = 0;
  int threads = 1;
  /** Of the KV cache: ggml's name of a type; empty = f16. */
  std::string kvCacheType;
  llama_flash_attn_type flashAttention = LLAMA_FLASH_ATTN_TYPE_AUTO;
  size_t promptCacheBytes = 0;
  /** Null = the model takes text only. */
  std::shared_ptr<Projector> projector;
  /** LoRA adapters of the model, which frees them; all are applied as a whole. */
  std::vector<llama_adapter_lora*> adapters;
  /** An answer waits while more than this many of its tokens are unread. */
  size_t windowTokens = 1024;
};

struct LoopStats {
  size_t busySlots = 0, queued = 0, paused = 0, finished = 0;
  size_t promptTokens = 0, cachedTokens = 0, completionTokens = 0, promptCacheBytes = 0, heartbeats = 0;
  size_t promptUs = 0, generationUs = 0, cpuUs = 0;
  size_t mediaEncoded = 0, mediaUs = 0;
};

/** A prompt whose beginning is in a slot or in the prompt cache. */
struct HeldPrompt {
  int64_t request = 0;
  /** Of the prompt and its answer. */
  size_t tokens = 0;
};

/**
 * Continuous batching: requests join and leave the running batch between two decode steps, on one thread. Requests wait
 * in their order of arrival for a slot; long prompts are evaluated in pieces, beside the running answers.
 * decode-loop.cpp decides who runs, decode-step.cpp does one step, decode-media.cpp what a step does with pictures and sounds.
 */
class DecodeLoop {
 public:
  /** Makes the context. Throws Failure `load_failed` if it does not fit into memory. */
  DecodeLoop(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox);
  ~DecodeLoop();

  /** Takes a prepared request; from any thread. */
  void submit(std::shared_ptr<Request> request);
  /** A request was cancelled, or its reader caught up: look at once. */
  void wake();
  /** Ends the thread; running requests get no answer any more. Idempotent. */
  void stop();

  /** Compute threads from the next step on; from any thread. */
  void setThreads(int threads) { wantedThreads_ = threads; }

  LoopStats stats() const;
  /** What the next prompts may begin with, the newest first; from any thread. */
  std::vector<HeldPrompt> held() const;
  const llama_context* context() const { return context_.get(); }
  bool canGenerate() const { return llama_get_memory(context_.get()) != nullptr; }

 private:
  void run();
  bool step();
  bool takeNews(bool wait);
  void dropCancelled();
  void park();
  void unpark();
  void admit();
  Slot& idleSlotFor(const Request& request);
  void start(Slot& slot, std::shared_ptr<Request> request);
  void rememberPrompt(Slot& slot, const Request& next);
  void recallPrompt(Slot& slot, const Request& next);
  void release(Slot& slot);
  void failAll(const Failure& failure);
  void publishHeld();
  bool paused(const Slot& slot) const;

  EncoderHooks encoderHooks();
  void beginEncoding(Slot& slot);
  bool endFailedMedia();
  Slot* slotWithMedia();
  bool decodeMedia();
  size_t mediaPiece(const Slot& slot, const MediaSpan& span, bool causal) const;

  void fillBatch();
  void addPrompts(std::vector<Slot*>& prompts, size_t room);
  size_t promptPiece(size_t answers, size_t prompts) const;
  size_t promptRoom(size_t answers, const std::vector<Slot*>& prompts) const;
  size_t addPromptPiece(Slot& slot, size_t room);
  bool decode(const llama_batch& batch, size_t promptTokens);
  void useThreads(int threads);
  void learn(int64_t us, size_t tokens, size_t promptTokens);
  void advance(Slot& slot);
  bool makeRoom(Slot& slot);
  std::vector<llama_token> conversation(const Slot& slot) const;
  void finish(Slot& slot, Reason reason);

  const LoopOptions options_;
  const llama_vocab* vocab_;
  std::shared_ptr<Outbox> outbox_;
  /** Threads that stay between two steps, as llama-server has them; without these each step makes its own anew. */
  std::unique_ptr<common_threadpools> threadpools_;
  /** Of earlier numbers of threads. llama.cpp pauses the one before when it takes up the next, in the middle of a step. */
  std::vector<std::unique_ptr<common_threadpools>> retiredPools_;
  int threads_ = 0;
  std::atomic<int> wantedThreads_;
  /** What the encoder has of them while it works. */
  std::atomic<int> encoderThreads_{0};
  std::atomic<size_t> answersRunning_{0};
  const CpuClock cpu_;
  llama_context_ptr context_;
  llama_batch batch_{};
  size_t batchPromptTokens_ = 0;
  std::vector<Slot> slots_;
  /** Null without a projector. */
  std::unique_ptr<MediaEncoder> encoder_;
  std::deque<std::shared_ptr<Request>> queue_;
  /** Answers whose reader lags behind, without a slot. */
  std::deque<std::shared_ptr<Request>> parked_;
  PromptCache cache_;
  /** Of a prompt token, of a step with answers only, of a byte that comes back from the prompt cache. */
  Cost promptTokenCost_{1000}, answersCost_{0}, restoredByteCost_{0.001};
  uint64_t order_ = 0;
  /** What is held is not what `held_` says. */
  bool heldChanged_ = false;
  mutable std::mutex heldMutex_;
  std::vector<HeldPrompt> held_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Request>> incoming_;
  bool woken_ = false;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> busySlots_{0}, queued_{0}, paused_{0}, finished_{0}, promptTokens_{0}, cachedTokens_{0},
      completionTokens_{0}, promptCacheBytes_{0}, heartbeats_{0}, promptUs_{0}, generationUs_{0}, cpuUs_{0};
  std::thread thread_;
};

}  // namespace llmlb
