#include "decode-loop.h"

#include <common.h>

#include <algorithm>

#include "bridge-log.h"

namespace llmlb {
namespace {

// Tokens evaluated in one step: large enough for a full matrix multiplication, small enough for running answers to flow.
constexpr int kBatchTokens = 512;
// A slot is worth keeping for others unless at least this share of the new prompt is in it (llama-server's similarity).
constexpr double kSimilarity = 0.1;

size_t commonPrefix(const std::vector<llama_token>& a, const std::vector<llama_token>& b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<size_t>(end - a.begin());
}

double milliseconds(int64_t fromUs, int64_t toUs) { return static_cast<double>(toUs - fromUs) / 1000.0; }

}  // namespace

DecodeLoop::DecodeLoop(llama_model* model, const LoopOptions& options, std::shared_ptr<Outbox> outbox)
    : options_(options),
      vocab_(llama_model_get_vocab(model)),
      slidingWindow_(llama_model_n_swa(model)),
      outbox_(std::move(outbox)),
      slots_(options.slots) {
  llama_context_params params = llama_context_default_params();
  // Every slot has a whole context to itself: num_ctx is never divided by the number of slots.
  params.n_ctx = static_cast<uint32_t>(options.contextTokens) * static_cast<uint32_t>(options.slots);
  params.n_seq_max = options.slots;
  params.kv_unified = false;
  params.n_batch = params.n_ubatch = std::max(kBatchTokens, options.slots);
  params.n_threads = params.n_threads_batch = options.threads;
  params.swa_full = false;
  params.no_perf = true;
  params.abort_callback = [](void* self) { return static_cast<DecodeLoop*>(self)->stopping_.load(); };
  params.abort_callback_data = this;
  context_.reset(llama_init_from_model(model, params));
  if (!context_) {
    const std::string reason = takeLogErrors();
    throw Failure("load_failed", "the context of " + std::to_string(options.slots) + " x " +
                                     std::to_string(options.contextTokens) + " tokens cannot be made" +
                                     (reason.empty() ? "" : ": " + reason));
  }
  batch_ = llama_batch_init(static_cast<int32_t>(params.n_batch), 0, 1);
  for (size_t i = 0; i < slots_.size(); i++) slots_[i].sequence = static_cast<llama_seq_id>(i);
  thread_ = std::thread([this] { run(); });
}

DecodeLoop::~DecodeLoop() {
  stop();
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
  return {busySlots_, queued_, finished_, promptTokens_, completionTokens_};
}

void DecodeLoop::run() {
  while (waitForWork()) {
    try {
      step();
    } catch (const std::exception& error) {
      failAll(Failure("internal", std::string("decoding failed: ") + error.what()));
    }
    outbox_->flush(false);
  }
}

void DecodeLoop::step() {
  dropCancelled();
  admit();
  fillBatch();
  if (batch_.n_tokens == 0 || !decode()) return;
  for (Slot& slot : slots_) {
    if (slot.batchIndex >= 0) advance(slot);
  }
}

/** False = the loop is to end. */
bool DecodeLoop::waitForWork() {
  const bool busy = !queue_.empty() || busySlots_ > 0;
  if (!busy) outbox_->flush(true);
  std::unique_lock lock(mutex_);
  if (!busy) changed_.wait(lock, [this] { return stopping_ || woken_ || !incoming_.empty(); });
  woken_ = false;
  for (auto& request : incoming_) queue_.push_back(std::move(request));
  incoming_.clear();
  return !stopping_;
}

void DecodeLoop::dropCancelled() {
  const auto drop = [this](const std::shared_ptr<Request>& request) {
    outbox_->fail(request, Failure("cancelled", "cancelled"));
    finished_++;
  };
  for (Slot& slot : slots_) {
    if (slot.idle() || !slot.request->cancelled) continue;
    drop(slot.request);
    release(slot);
  }
  std::erase_if(queue_, [&](const std::shared_ptr<Request>& request) {
    if (!request->cancelled) return false;
    drop(request);
    queued_--;
    return true;
  });
}

void DecodeLoop::admit() {
  while (!queue_.empty()) {
    Slot* slot = idleSlotFor(*queue_.front());
    if (slot == nullptr) return;
    start(*slot, std::move(queue_.front()));
    queue_.pop_front();
    queued_--;
  }
}

/** The idle slot that shares enough of the prompt, else the one that has been idle longest. */
Slot* DecodeLoop::idleSlotFor(const Request& request) {
  Slot* best = nullptr;
  Slot* oldest = nullptr;
  size_t bestCommon = static_cast<size_t>(kSimilarity * static_cast<double>(request.prompt.size()));
  for (Slot& slot : slots_) {
    if (!slot.idle()) continue;
    if (oldest == nullptr || slot.released < oldest->released) oldest = &slot;
    const size_t common = commonPrefix(slot.tokens, request.prompt);
    if (common > bestCommon) {
      best = &slot;
      bestCommon = common;
    }
  }
  return best != nullptr ? best : oldest;
}

void DecodeLoop::start(Slot& slot, std::shared_ptr<Request> request) {
  slot.request = std::move(request);
  slot.admitted = ++order_;
  slot.output = OutputText(slot.request->stops);
  slot.batchIndex = -1;
  slot.generating = false;
  slot.completionTokens = 0;
  slot.startUs = llama_time_us();
  slot.firstTokenUs = 0;
  slot.cachedTokens = reuse(slot, commonPrefix(slot.tokens, slot.request->prompt));
  busySlots_++;
}

/** Cuts the slot's memory back to the first `common` tokens; returns how many of them could be kept. */
size_t DecodeLoop::reuse(Slot& slot, size_t common) {
  llama_memory_t memory = llama_get_memory(context_.get());
  // The last prompt token is always evaluated again: its logits are not kept.
  size_t keep = std::min(common, slot.request->prompt.size() - 1);
  if (keep > 0 && slidingWindow_ > 0) {
    // A sliding window has forgotten what lies before it; the tokens that the next one looks at must still be there.
    const llama_pos needed = std::max(0, static_cast<int>(keep) - slidingWindow_);
    const llama_pos oldest = llama_memory_seq_pos_min(memory, slot.sequence);
    if (oldest < 0 || oldest > needed) keep = 0;
  }
  // Recurrent memories cannot be cut back: then everything is evaluated again.
  if (!llama_memory_seq_rm(memory, slot.sequence, static_cast<llama_pos>(keep), -1)) keep = 0;
  if (keep == 0) llama_memory_seq_rm(memory, slot.sequence, -1, -1);
  slot.tokens.resize(keep);
  return keep;
}

void DecodeLoop::fillBatch() {
  common_batch_clear(batch_);
  std::vector<Slot*> prompts;
  for (Slot& slot : slots_) {
    slot.batchIndex = -1;
    if (slot.idle()) continue;
    if (!slot.generating) {
      prompts.push_back(&slot);
      continue;
    }
    slot.batchIndex = batch_.n_tokens;
    common_batch_add(batch_, slot.next, static_cast<llama_pos>(slot.tokens.size()), {slot.sequence}, true);
    slot.tokens.push_back(slot.next);
  }
  // What room is left is shared out evenly, so that a short prompt does not wait for the end of a long one.
  std::sort(prompts.begin(), prompts.end(), [](const Slot* a, const Slot* b) { return a->promptLeft() < b->promptLeft(); });
  size_t room = llama_n_batch(context_.get()) - batch_.n_tokens;
  for (size_t i = 0; i < prompts.size() && room > 0; i++) {
    const size_t before = batch_.n_tokens;
    addPromptPiece(*prompts[i], std::max<size_t>(1, room / (prompts.size() - i)));
    room -= batch_.n_tokens - before;
  }
}

void DecodeLoop::addPromptPiece(Slot& slot, size_t room) {
  const auto& prompt = slot.request->prompt;
  const size_t end = slot.tokens.size() + std::min(room, slot.promptLeft());
  while (slot.tokens.size() < end) {
    const size_t at = slot.tokens.size();
    const bool last = at + 1 == prompt.size();
    if (last) slot.batchIndex = batch_.n_tokens;
    common_batch_add(batch_, prompt[at], static_cast<llama_pos>(at), {slot.sequence}, last);
    slot.tokens.push_back(prompt[at]);
  }
}

bool DecodeLoop::decode() {
  const int status = llama_decode(context_.get(), batch_);
  if (status == 0) return true;
  if (stopping_) return false;
  const std::string reason = takeLogErrors();
  failAll(Failure("internal", status == 1 ? "the context's memory is full"
                                          : "llama.cpp could not decode (status " + std::to_string(status) + ")" +
                                                (reason.empty() ? "" : ": " + reason)));
  return false;
}

/** Samples the slot's next token and decides whether its answer goes on. */
void DecodeLoop::advance(Slot& slot) {
  Request& request = *slot.request;
  if (!slot.generating) {
    slot.generating = true;
    promptTokens_ += request.prompt.size() - slot.cachedTokens;
    if (request.maxTokens == 0) return finish(slot, Reason::length);  // the prompt is in the cache: that was asked for
  }
  const llama_token token = common_sampler_sample(request.sampler.get(), context_.get(), slot.batchIndex);
  common_sampler_accept(request.sampler.get(), token, true);
  if (slot.firstTokenUs == 0) slot.firstTokenUs = llama_time_us();
  slot.completionTokens++;
  completionTokens_++;

  const bool preserved = request.preservedTokens.contains(token);
  outbox_->text(slot.request, slot.output.push(common_token_to_piece(vocab_, token, preserved)));

  const bool spent = request.maxTokens >= 0 && slot.completionTokens >= static_cast<size_t>(request.maxTokens);
  const bool full = slot.tokens.size() + 1 >= static_cast<size_t>(options_.contextTokens);
  if (slot.output.stopped() || llama_vocab_is_eog(vocab_, token)) return finish(slot, Reason::stop);
  if (spent || full) return finish(slot, Reason::length);
  slot.next = token;
}

void DecodeLoop::finish(Slot& slot, Reason reason) {
  outbox_->text(slot.request, slot.output.finish());
  const int64_t now = llama_time_us();
  const int64_t first = slot.firstTokenUs == 0 ? now : slot.firstTokenUs;
  Counts counts{slot.request->prompt.size(), slot.cachedTokens, slot.completionTokens,
                milliseconds(slot.startUs, first), milliseconds(first, now)};
  outbox_->done(slot.request, Done{reason, counts});
  finished_++;
  release(slot);
}

void DecodeLoop::release(Slot& slot) {
  slot.request.reset();
  slot.generating = false;
  slot.released = ++order_;
  busySlots_--;
}

/** After a failed step nobody knows what is in the memory: every running request ends and the memory is emptied. */
void DecodeLoop::failAll(const Failure& failure) {
  for (Slot& slot : slots_) {
    if (!slot.idle()) {
      outbox_->fail(slot.request, failure);
      finished_++;
      release(slot);
    }
    slot.tokens.clear();
  }
  llama_memory_clear(llama_get_memory(context_.get()), true);
}

}  // namespace llmlb
