#include "sequence-state.h"

#include <algorithm>
#include <new>

namespace llmlb {
namespace {

// A prompt's last tokens differ from turn to turn (the beginning of the answer): the last checkpoint lies before them.
constexpr size_t kTokensAfterLastCheckpoint = 4;
// Between, one every so many tokens: going back costs at most the evaluation of these.
constexpr size_t kCheckpointEvery = 4096;
// A window of a large model takes some 100 MB.
constexpr size_t kCheckpointsMax = 8;

/** What a prompt may share with what is held. */
size_t sharedWith(const TokenList& held, const TokenList& prompt) {
  return prompt.wholeUpTo(std::min(commonPrefix(held, prompt), prompt.size() - 1));
}

}  // namespace

size_t SavedState::size() const {
  size_t sum = bytes.size() + tokens.size() * sizeof(llama_token);
  for (const auto& checkpoint : checkpoints) sum += checkpoint.bytes.size();
  return sum;
}

SequenceState::SequenceState(llama_context* context, llama_seq_id sequence)
    : context_(context), memory_(llama_get_memory(context)), sequence_(sequence) {
  const llama_model* model = llama_get_model(context);
  const int window = llama_model_n_swa(model);
  forgets_ = window > 0 || llama_model_is_recurrent(model) || llama_model_is_hybrid(model);
  window_ = std::max(1, window);
}

/** The most tokens, up to `wanted`, that a memory holding `held` can go back to; `oldest` is the first position it remembers. */
size_t SequenceState::reachable(const TokenList& held, const std::vector<Checkpoint>& checkpoints, size_t wanted,
                                llama_pos oldest) const {
  if (!forgets_ || wanted == held.size()) return wanted;
  if (oldest >= 0 && oldest <= std::max(0, held.positionOf(wanted) - window_)) return wanted;
  size_t best = 0;
  for (const auto& checkpoint : checkpoints) {
    if (checkpoint.tokens <= wanted) best = std::max(best, checkpoint.tokens);
  }
  return best;
}

size_t SequenceState::reusable(const TokenList& prompt) const {
  const size_t wanted = sharedWith(tokens_, prompt);
  if (wanted == 0) return 0;
  return reachable(tokens_, checkpoints_, wanted, llama_memory_seq_pos_min(memory_, sequence_));
}

size_t SequenceState::reusableOf(const SavedState& saved, const TokenList& prompt) const {
  const size_t wanted = sharedWith(saved.tokens, prompt);
  return reachable(saved.tokens, saved.checkpoints, wanted, -1);
}

size_t SequenceState::cutBackTo(const TokenList& prompt) {
  const size_t keep = reusable(prompt);
  if (keep == 0) {
    clear();
    return 0;
  }
  std::erase_if(checkpoints_, [keep](const Checkpoint& checkpoint) { return checkpoint.tokens > keep; });
  const bool goesBack = forgets_ && keep < tokens_.size();
  if (goesBack && !checkpoints_.empty() && checkpoints_.back().tokens == keep) {
    const auto& bytes = checkpoints_.back().bytes;
    const size_t read = llama_state_seq_set_data_ext(context_, bytes.data(), bytes.size(), sequence_,
                                                     LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY);
    if (read != bytes.size()) {
      clear();
      return 0;
    }
  }
  if (!llama_memory_seq_rm(memory_, sequence_, tokens_.positionOf(keep), -1)) {
    clear();
    return 0;
  }
  tokens_.resize(keep);
  return keep;
}

void SequenceState::clear() {
  if (memory_ != nullptr) llama_memory_seq_rm(memory_, sequence_, -1, -1);
  tokens_.clear();
  checkpoints_.clear();
  origin_ = 0;
}

size_t SequenceState::nextStop(const TokenList& prompt) const {
  const size_t end = prompt.textEnd(tokens_.size());
  if (!forgets_) return end;
  const size_t last = prompt.size() > kTokensAfterLastCheckpoint ? prompt.size() - kTokensAfterLastCheckpoint : 0;
  if (tokens_.size() >= last) return end;
  return std::min({end, last, (tokens_.size() / kCheckpointEvery + 1) * kCheckpointEvery});
}

bool SequenceState::isDue(const TokenList& prompt) const {
  const size_t at = tokens_.size();
  // After media too: most questions that come next are about the same, and evaluating it again is what costs the most.
  const bool afterMedia = prompt.mediaAt(at - 1) != nullptr && prompt.mediaAt(at) == nullptr;
  return afterMedia || at + kTokensAfterLastCheckpoint == prompt.size() || at % kCheckpointEvery == 0;
}

void SequenceState::checkpointIfDue(const TokenList& prompt) {
  const size_t at = tokens_.size();
  if (!forgets_ || at == 0 || !isDue(prompt)) return;
  if (!checkpoints_.empty() && checkpoints_.back().tokens >= at) return;
  Checkpoint checkpoint;
  checkpoint.tokens = at;
  try {
    checkpoint.bytes.resize(llama_state_seq_get_size_ext(context_, sequence_, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY));
  } catch (const std::bad_alloc&) {
    return;  // going back will cost more
  }
  const size_t written = llama_state_seq_get_data_ext(context_, checkpoint.bytes.data(), checkpoint.bytes.size(), sequence_,
                                                      LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY);
  if (written != checkpoint.bytes.size()) return;
  // The first one stays: it follows the system prompt more often than not.
  if (checkpoints_.size() >= kCheckpointsMax) checkpoints_.erase(checkpoints_.begin() + 1);
  checkpoints_.push_back(std::move(checkpoint));
}

std::optional<SavedState> SequenceState::save(size_t bytesMax) const {
  const size_t bytes = llama_state_seq_get_size_ext(context_, sequence_, LLAMA_STATE_SEQ_FLAGS_NONE);
  if (bytes == 0 || bytes > bytesMax) return std::nullopt;
  SavedState saved;
  try {
    saved.bytes.resize(bytes);
    saved.tokens = tokens_;
    saved.checkpoints = checkpoints_;
    saved.origin = origin_;
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
  const size_t written =
      llama_state_seq_get_data_ext(context_, saved.bytes.data(), bytes, sequence_, LLAMA_STATE_SEQ_FLAGS_NONE);
  if (written == 0 || saved.size() > bytesMax) return std::nullopt;
  return saved;
}

bool SequenceState::restore(SavedState saved) {
  clear();
  const size_t read = llama_state_seq_set_data_ext(context_, saved.bytes.data(), saved.bytes.size(), sequence_,
                                                   LLAMA_STATE_SEQ_FLAGS_NONE);
  if (read == 0) {
    clear();
    return false;
  }
  tokens_ = std::move(saved.tokens);
  checkpoints_ = std::move(saved.checkpoints);
  origin_ = saved.origin;
  return true;
}

bool SequenceState::shift(size_t keep, size_t discard) {
  if (forgets_ || !llama_memory_can_shift(memory_)) return false;
  const auto from = static_cast<llama_pos>(keep);
  const auto by = static_cast<llama_pos>(discard);
  if (!llama_memory_seq_rm(memory_, sequence_, from, from + by)) return false;
  llama_memory_seq_add(memory_, sequence_, from + by, -1, -by);
  tokens_.erase(keep, discard);
  origin_ = 0;
  return true;
}

}  // namespace llmlb
