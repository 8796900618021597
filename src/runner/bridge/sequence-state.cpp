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

}  // namespace

size_t commonPrefix(const std::vector<llama_token>& a, const std::vector<llama_token>& b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<size_t>(end - a.begin());
}

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
  window_ = static_cast<size_t>(std::max(1, window));
}

/** The most tokens, up to `wanted`, that a memory holding `held` can go back to; `oldest` is the first position it remembers. */
size_t SequenceState::reachable(size_t held, const std::vector<Checkpoint>& checkpoints, size_t wanted,
                                llama_pos oldest) const {
  if (!forgets_ || wanted == held) return wanted;
  const size_t needed = wanted > window_ ? wanted - window_ : 0;
  if (oldest >= 0 && static_cast<size_t>(oldest) <= needed) return wanted;
  size_t best = 0;
  for (const auto& checkpoint : checkpoints) {
    if (checkpoint.tokens <= wanted) best = std::max(best, checkpoint.tokens);
  }
  return best;
}

size_t SequenceState::reusable(const std::vector<llama_token>& prompt) const {
  const size_t wanted = std::min(commonPrefix(tokens_, prompt), prompt.size() - 1);
  if (wanted == 0) return 0;
  return reachable(tokens_.size(), checkpoints_, wanted, llama_memory_seq_pos_min(memory_, sequence_));
}

size_t SequenceState::reusableOf(const SavedState& saved, const std::vector<llama_token>& prompt) const {
  const size_t wanted = std::min(commonPrefix(saved.tokens, prompt), prompt.size() - 1);
  return reachable(saved.tokens.size(), saved.checkpoints, wanted, -1);
}

size_t SequenceState::cutBackTo(const std::vector<llama_token>& prompt) {
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
  if (!llama_memory_seq_rm(memory_, sequence_, static_cast<llama_pos>(keep), -1)) {
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
}

size_t SequenceState::nextStop(size_t promptTokens) const {
  if (!forgets_) return promptTokens;
  const size_t last = promptTokens > kTokensAfterLastCheckpoint ? promptTokens - kTokensAfterLastCheckpoint : 0;
  if (tokens_.size() >= last) return promptTokens;
  return std::min(last, (tokens_.size() / kCheckpointEvery + 1) * kCheckpointEvery);
}

void SequenceState::checkpointIfDue(size_t promptTokens) {
  const size_t at = tokens_.size();
  if (!forgets_ || at == 0) return;
  if (at + kTokensAfterLastCheckpoint != promptTokens && at % kCheckpointEvery != 0) return;
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
  return true;
}

bool SequenceState::shift(size_t keep, size_t discard) {
  if (forgets_ || !llama_memory_can_shift(memory_)) return false;
  const auto from = static_cast<llama_pos>(keep);
  const auto by = static_cast<llama_pos>(discard);
  if (!llama_memory_seq_rm(memory_, sequence_, from, from + by)) return false;
  llama_memory_seq_add(memory_, sequence_, from + by, -1, -by);
  const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(keep);
  tokens_.erase(first, first + static_cast<std::ptrdiff_t>(discard));
  return true;
}

}  // namespace llmlb
