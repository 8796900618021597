#include "decode-loop.h"

#include <algorithm>
#include <chrono>

#include "adapters.h"
#include "bridge-log.h"
#include "context-params.h"

namespace llmlb {
namespace {

// A slot is worth keeping for others unless at least this share of the new prompt is in it (llama-server's similarity).
constexpr double kSimilarity = 0.1;
// Evaluating fewer tokens than this again costs less than looking after their state.
constexpr size_t kWorthSavingTokens = 32;

constexpr auto kAliveEvery = std::chrono::milliseconds(500);

}  // namespace

DecodeLoop::DecodeLoop(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox)
    : options_(options),
      vocab_(llama_model_get_vocab(model)),
      outbox_(std::move(outbox)),
      wantedThreads_(options.threads),
      cache_(options.promptCacheBytes) {
  llama_context_params params = contextParams(options);
  params.abort_callback = [](void* self) {
    auto* loop = static_cast<DecodeLoop*>(self);
    loop->heartbeats_.fetch_add(1, std::memory_order_relaxed);  // long steps show life too: called before each graph node
    return loop->stopping_.load();
  };
  params.abort_callback_data = this;
  context_.reset(llama_init_from_model(model, params));
  if (!context_) {
    const std::string reason = takeLogErrors();
    throw Failure("load_failed", "the context of " + std::to_string(options.slots) + " x " +
                                     std::to_string(options.contextTokens) + " tokens cannot be made" +
                                     (reason.empty() ? "" : ": " + reason));
  }
  applyAdapters(context_.get(), options.adapters);
  batch_ = llama_batch_init(static_cast<int32_t>(params.n_batch), 0, 1);
  slots_.reserve(static_cast<size_t>(options.slots));
  for (int i = 0; i < options.slots; i++) slots_.emplace_back(context_.get(), i);
  if (options.projector) {
    encoder_ = std::make_unique<MediaEncoder>(options.projector, static_cast<size_t>(llama_model_n_embd_inp(model)), encoderHooks());
  }
  thread_ = std::thread([this] { run(); });
}

DecodeLoop::~DecodeLoop() {
  stop();
  encoder_.reset();  // it wakes this loop
  llama_batch_free(batch_);
}

void DecodeLoop::submit(std::shared_ptr<Request> request) {
  {
    std::lock_guard lock(mutex_);
    incoming_.push_back(std::move(request));
    queued_++;
  }
  changed_.notify_one();
}

void DecodeLoop::wake() {
  {
    std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void DecodeLoop::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

LoopStats DecodeLoop::stats() const {
  return {busySlots_,    queued_,       paused_,           finished_,         promptTokens_,
          cachedTokens_, completionTokens_, promptCacheBytes_, heartbeats_, promptUs_, generationUs_, cpuUs_,
          encoder_ ? encoder_->encoded() : 0, encoder_ ? encoder_->encodedUs() : 0};
}

void DecodeLoop::run() {
  bool idle = true;
  while (takeNews(idle)) {
    try {
      idle = !step();
    } catch (const std::exception& error) {
      failAll(Failure("internal", std::string("decoding failed: ") + error.what()));
    }
    heartbeats_++;
    if (heldChanged_) publishHeld();  // before anybody hears of an end: who asks then is to see it
    outbox_->flush(idle);
  }
}

/** False = there is nothing to do before something new comes. */
bool DecodeLoop::step() {
  unpark();
  park();
  admit();
  const bool endedMedia = endFailedMedia();
  const bool decodedMedia = decodeMedia();
  fillBatch();
  if (batch_.n_tokens == 0) return endedMedia || decodedMedia;
  if (!decode(batch_, batchPromptTokens_)) return true;
  for (Slot& slot : slots_) {
    if (slot.batchIndex >= 0) advance(slot);
  }
  return true;
}

/** Takes what other threads left, after waiting for it if asked to. False = the loop is to end. */
bool DecodeLoop::takeNews(bool wait) {
  bool woken = false;
  {
    std::unique_lock lock(mutex_);
    const auto news = [this] { return stopping_ || woken_ || !incoming_.empty(); };
    // While answers wait for their readers there is no step to take, but this thread is alive.
    while (wait && (busySlots_ > 0 || !parked_.empty()) && !changed_.wait_for(lock, kAliveEvery, news)) heartbeats_++;
    if (wait) changed_.wait(lock, news);
    woken = std::exchange(woken_, false);
    for (auto& request : incoming_) {
      woken = woken || request->cancelled;  // while it was prepared
      queue_.push_back(std::move(request));
    }
    incoming_.clear();
  }
  if (woken) dropCancelled();
  return !stopping_;
}

void DecodeLoop::dropCancelled() {
  const auto drop = [this](const std::shared_ptr<Request>& request) {
    if (!request->cancelled) return false;
    outbox_->fail(request, Failure("cancelled", "cancelled"));
    finished_++;
    return true;
  };
  for (Slot& slot : slots_) {
    if (!slot.idle() && drop(slot.request)) release(slot);
  }
  queued_ -= std::erase_if(queue_, drop);
  std::erase_if(parked_, drop);
}

bool DecodeLoop::paused(const Slot& slot) const {
  return !slot.idle() && slot.request->unread() > options_.windowTokens;
}

/** Answers that wait for their readers give their slots to requests that wait for a slot. */
void DecodeLoop::park() {
  size_t paused = 0;
  size_t waiting = queue_.size();
  for (const Slot& slot : slots_) {
    if (slot.idle()) waiting -= std::min<size_t>(waiting, 1);
  }
  for (Slot& slot : slots_) {
    if (!this->paused(slot)) continue;
    paused++;
    if (waiting == 0) continue;
    waiting--;
    Request& request = *slot.request;
    // Wherever it goes on, everything up to the last sampled token is its prompt.
    request.prompt = slot.state.tokens();
    if (slot.generating) request.prompt.push(slot.next);
    parked_.push_back(slot.request);
    release(slot);
  }
  paused_ = parked_.size() + paused;
}

/** An answer whose reader has caught up goes on before those that have not begun. */
void DecodeLoop::unpark() {
  for (auto parked = parked_.rbegin(); parked != parked_.rend(); ++parked) {
    if ((*parked)->unread() > options_.windowTokens / 2) continue;
    queue_.push_front(std::move(*parked));
    queued_++;
  }
  std::erase(parked_, nullptr);
}

void DecodeLoop::admit() {
  while (!queue_.empty() && busySlots_ < slots_.size()) {
    std::shared_ptr<Request> request = std::move(queue_.front());
    queue_.pop_front();
    queued_--;
    Slot& slot = idleSlotFor(*request);
    start(slot, std::move(request));
  }
}

/** The idle slot that shares enough of the prompt, else the one that has been idle longest. Only when there is an idle one. */
Slot& DecodeLoop::idleSlotFor(const Request& request) {
  Slot* best = nullptr;
  Slot* oldest = nullptr;
  size_t most = static_cast<size_t>(kSimilarity * static_cast<double>(request.prompt.size()));
  for (Slot& slot : slots_) {
    if (!slot.idle()) continue;
    if (oldest == nullptr || slot.released < oldest->released) oldest = &slot;
    const size_t reusable = slot.state.reusable(request.prompt);
    if (reusable <= most) continue;
    best = &slot;
    most = reusable;
  }
  return best != nullptr ? *best : *oldest;
}

void DecodeLoop::start(Slot& slot, std::shared_ptr<Request> request) {
  rememberPrompt(slot, *request);
  recallPrompt(slot, *request);
  const size_t cached = slot.state.cutBackTo(request->prompt);
  cachedTokens_ += cached;
  Progress& progress = request->progress;
  if (!progress.begun()) {
    progress.output = OutputText(request->stops);
    progress.promptTokens = request->prompt.size();
    progress.cachedTokens = cached;
    progress.startUs = llama_time_us();
  }
  slot.state.comesFrom(request->promptIsWhole ? request->id : 0);
  heldChanged_ = true;
  slot.request = std::move(request);
  slot.started = ++order_;
  slot.batchIndex = -1;
  slot.generating = false;
  busySlots_++;
  beginEncoding(slot);
}

/** Keeps the slot's state in host memory if the next prompt would destroy most of it. */
void DecodeLoop::rememberPrompt(Slot& slot, const Request& next) {
  const size_t held = slot.state.tokens().size();
  const size_t kept = slot.state.reusable(next.prompt);
  if (cache_.bytesMax() == 0 || held < kWorthSavingTokens || kept * 2 > held) return;
  if (auto saved = slot.state.save(cache_.bytesMax())) cache_.put(std::move(*saved));
  promptCacheBytes_ = cache_.bytes();
}

/** Brings a remembered state back if that takes less time than evaluating what it would save. */
void DecodeLoop::recallPrompt(Slot& slot, const Request& next) {
  const auto found = cache_.find(slot.state, next.prompt);
  const size_t kept = slot.state.reusable(next.prompt);
  if (found.reusable < kept + kWorthSavingTokens) return;
  const size_t bytes = found.entry->bytes.size();
  if (restoredByteCost_.of(bytes) > promptTokenCost_.of(found.reusable - kept)) return;
  const int64_t before = llama_time_us();
  slot.state.restore(cache_.take(found));
  restoredByteCost_.learn(static_cast<double>(llama_time_us() - before), static_cast<double>(bytes));
  promptCacheBytes_ = cache_.bytes();
}

void DecodeLoop::release(Slot& slot) {
  slot.request.reset();
  slot.encodings.clear();
  slot.generating = false;
  slot.batchIndex = -1;
  slot.released = ++order_;
  busySlots_--;
  heldChanged_ = true;
}

/** After a failed step nobody knows what is in the memory: every running request ends and the memory is emptied. */
void DecodeLoop::failAll(const Failure& failure) {
  for (Slot& slot : slots_) {
    if (!slot.idle()) {
      outbox_->fail(slot.request, failure);
      finished_++;
      release(slot);
    }
    slot.state.clear();
  }
  heldChanged_ = true;
  if (llama_memory_t memory = llama_get_memory(context_.get())) llama_memory_clear(memory, true);
}

}  // namespace llmlb
