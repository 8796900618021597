#include <common.h>

#include <algorithm>

#include "bridge-log.h"
#include "conversation.h"
#include "decode-loop.h"

namespace llmlb {
namespace {

// While answers run, pieces of prompts may delay their next token by about this much; by more when more wait than run.
constexpr double kPieceUs = 250'000;
constexpr double kPieceGrowthMax = 4;
constexpr size_t kPieceTokensMin = 32;
// A batch of so many tokens takes per token what a larger one does.
constexpr double kTellingTokens = 256;

// How long a thread without work looks out for the next step before it sleeps: about 2 ms, more than there is between two steps of
// an answer. llama.cpp's own 50 keeps a core busy for 100 ms after every answer and was no faster.
constexpr uint32_t kPollLevel = 1;

double milliseconds(int64_t fromUs, int64_t toUs) { return static_cast<double>(toUs - fromUs) / 1000.0; }

}  // namespace

void DecodeLoop::fillBatch() {
  common_batch_clear(batch_);
  std::vector<Slot*> prompts;
  for (Slot& slot : slots_) {
    slot.batchIndex = -1;
    if (slot.idle() || paused(slot)) continue;
    if (!slot.generating) {
      if (slot.nextMedia() == nullptr) prompts.push_back(&slot);
      continue;
    }
    slot.batchIndex = batch_.n_tokens;
    common_batch_add(batch_, slot.next, slot.state.position(), {slot.state.sequence()}, true);
    slot.state.push(slot.next);
  }
  const size_t answers = batch_.n_tokens;
  answersRunning_ = answers;
  addPrompts(prompts, promptRoom(answers, prompts));
  batchPromptTokens_ = batch_.n_tokens - answers;
}

/** Half of the room is for who came first, so that no prompt starves; the rest finishes what is nearest its end. */
void DecodeLoop::addPrompts(std::vector<Slot*>& prompts, size_t room) {
  if (prompts.empty()) return;
  std::sort(prompts.begin(), prompts.end(), [](const Slot* a, const Slot* b) { return a->started < b->started; });
  std::sort(prompts.begin() + 1, prompts.end(), [](const Slot* a, const Slot* b) { return a->textLeft() < b->textLeft(); });
  const size_t reserved = std::min(prompts.front()->textLeft(), (room + 1) / 2);
  for (size_t i = 1; i < prompts.size() && room > reserved; i++) room -= addPromptPiece(*prompts[i], room - reserved);
  addPromptPiece(*prompts.front(), room);
}

/** Tokens of prompts that delay the next tokens of running answers only a little. */
size_t DecodeLoop::promptPiece(size_t answers, size_t prompts) const {
  const double share = static_cast<double>(prompts) / static_cast<double>(answers);
  const double patience = kPieceUs * std::clamp(share, 1.0, kPieceGrowthMax);
  return std::max(static_cast<size_t>(patience / std::max(1e-3, promptTokenCost_.of(1))), kPieceTokensMin);
}

/** Prompt tokens for this step: as many as fit when nobody waits for a next token, else what delays them little. */
size_t DecodeLoop::promptRoom(size_t answers, const std::vector<Slot*>& prompts) const {
  const size_t room = llama_n_batch(context_.get()) - answers;
  if (answers == 0) return room;
  const size_t piece = promptPiece(answers, prompts.size());
  size_t left = 0;
  for (const Slot* slot : prompts) left += slot->textLeft();
  // A remainder would cost one more pass over all weights: better a little late than twice.
  return std::min(room, left < 2 * piece ? left : piece);
}

/** Returns how many tokens it added. */
size_t DecodeLoop::addPromptPiece(Slot& slot, size_t room) {
  const TokenList& prompt = slot.request->prompt;
  slot.state.checkpointIfDue(prompt);
  const size_t from = slot.state.tokens().size();
  const size_t end = std::min(from + room, slot.state.nextStop(prompt));
  llama_pos position = slot.state.position();
  for (size_t at = from; at < end; at++) {
    const bool last = at + 1 == prompt.size();
    if (last) slot.batchIndex = batch_.n_tokens;
    common_batch_add(batch_, prompt[at], position++, {slot.state.sequence()}, last);
  }
  slot.state.follow(prompt, end - from);
  return end - from;
}

/** The threads of a pool all take part in a step, so another number of them is another pool. */
void DecodeLoop::useThreads(int threads) {
  if (threads == threads_) return;
  common_params params;
  for (auto* cpu : {&params.cpuparams, &params.cpuparams_batch}) {
    cpu->n_threads = threads;
    cpu->poll = kPollLevel;
  }
  auto pools = std::make_unique<common_threadpools>();
  pools->init(context_.get(), params);
  llama_set_n_threads(context_.get(), threads, threads);
  if (threadpools_) retiredPools_.push_back(std::move(threadpools_));
  threadpools_ = std::move(pools);
  threads_ = threads;
}

/** `promptTokens`: those of the batch that belong to prompts. */
bool DecodeLoop::decode(const llama_batch& batch, size_t promptTokens) {
  useThreads(std::max(1, wantedThreads_ - encoderThreads_));
  const int64_t before = llama_time_us();
  const int64_t cpuBefore = cpu_.nowUs();
  const int status = llama_decode(context_.get(), batch);
  // Without outputs llama.cpp returns before the work is done; the next step would be blamed for it.
  if (status == 0 && promptTokens > 0) llama_synchronize(context_.get());
  if (status == 0) {
    retiredPools_.clear();
    cpuUs_ += static_cast<size_t>(std::max<int64_t>(0, cpu_.nowUs() - cpuBefore));
    learn(llama_time_us() - before, static_cast<size_t>(batch.n_tokens), promptTokens);
    return true;
  }
  if (stopping_) return false;
  const std::string reason = takeLogErrors();
  failAll(Failure("internal", status == 1 ? "the context's memory is full"
                                          : "llama.cpp could not decode (status " + std::to_string(status) + ")" +
                                                (reason.empty() ? "" : ": " + reason)));
  return false;
}

void DecodeLoop::learn(int64_t us, size_t tokens, size_t promptTokens) {
  const auto cost = static_cast<double>(us);
  if (promptTokens == 0) {
    generationUs_ += static_cast<size_t>(us);
    answersCost_.learn(cost, 1);
    return;
  }
  promptUs_ += static_cast<size_t>(us);
  promptTokens_ += promptTokens;
  // Small pieces are dominated by what every step costs and say little about a token.
  const double share = std::min(1.0, static_cast<double>(promptTokens) / kTellingTokens);
  const bool alone = tokens == promptTokens;
  const double own = alone ? cost : std::max(cost / 2, cost - answersCost_.of(1));
  promptTokenCost_.learn(own, static_cast<double>(promptTokens), share * share);
}

/** Samples the slot's next token and decides whether its answer goes on. */
void DecodeLoop::advance(Slot& slot) {
  Request& request = *slot.request;
  Progress& progress = request.progress;
  heldChanged_ = heldChanged_ || !slot.generating;
  slot.generating = true;
  if (request.maxTokens == 0) return finish(slot, Reason::length);  // the prompt is in the cache: that was asked for
  if (request.satisfied) return finish(slot, Reason::stop);
  const llama_token token = common_sampler_sample(request.sampler.get(), context_.get(), slot.batchIndex);
  common_sampler_accept(request.sampler.get(), token, true);
  if (progress.firstTokenUs == 0) progress.firstTokenUs = llama_time_us();
  progress.completionTokens++;
  completionTokens_++;

  const bool ends = llama_vocab_is_eog(vocab_, token);
  if (request.topLogprobs >= 0 && !ends) {
    const float* logits = llama_get_logits_ith(context_.get(), slot.batchIndex);
    outbox_->logprobs(slot.request, logprobsOf(logits, vocab_, token, request.topLogprobs));
  }
  const bool preserved = request.preservedTokens.contains(token);
  outbox_->token(slot.request, progress.output.push(common_token_to_piece(vocab_, token, preserved)));

  slot.next = token;
  const bool spent = request.maxTokens >= 0 && progress.completionTokens >= static_cast<size_t>(request.maxTokens);
  if (progress.output.stopped() || ends) return finish(slot, Reason::stop);
  if (spent || !makeRoom(slot)) return finish(slot, Reason::length);
}

/** Sees to it that the next token has a place. False = the context is full and is to stay so. */
bool DecodeLoop::makeRoom(Slot& slot) {
  Request& request = *slot.request;
  const size_t held = slot.state.tokens().size();
  if (held + 1 < request.contextTokens) return true;
  if (!request.shift) return false;
  const size_t wanted = request.keepTokens < 0 ? request.progress.promptTokens : static_cast<size_t>(request.keepTokens);
  const size_t keep = std::min(wanted, held / 2);
  const size_t discard = std::max<size_t>(1, (held - keep) / 2);
  heldChanged_ = true;
  if (slot.state.shift(keep, discard)) return true;
  // This memory cannot move what it holds: what stays is evaluated again, as a prompt.
  request.prompt = slot.state.tokens();
  request.prompt.erase(keep, discard);
  request.prompt.push(slot.next);
  slot.state.cutBackTo(request.prompt);
  slot.state.comesFrom(0);
  slot.generating = false;
  return true;
}

/** Prompt and answer as the memory has them, and the last token, which was not evaluated any more. */
std::vector<llama_token> DecodeLoop::conversation(const Slot& slot) const {
  const Progress& progress = slot.request->progress;
  std::vector<llama_token> tokens = slot.state.tokens().tokens();
  if (progress.completionTokens > 0) tokens.push_back(slot.next);
  return withoutTail(std::move(tokens), progress.output.cutBytes(), vocab_);
}

void DecodeLoop::finish(Slot& slot, Reason reason) {
  Progress& progress = slot.request->progress;
  outbox_->text(slot.request, progress.output.finish());
  const int64_t now = llama_time_us();
  const int64_t first = progress.firstTokenUs == 0 ? now : progress.firstTokenUs;
  Counts counts{progress.promptTokens, progress.cachedTokens, progress.completionTokens,
                milliseconds(progress.startUs, first), milliseconds(first, now)};
  outbox_->done(slot.request, Done{reason, counts, progress.output.stop(), slot.request->tellTokens ? conversation(slot) : std::vector<llama_token>{}});
  finished_++;
  release(slot);
}

}  // namespace llmlb
