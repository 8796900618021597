#pragma once
#include <llama.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace llmlb {

size_t commonPrefix(const std::vector<llama_token>& a, const std::vector<llama_token>& b);

/** What a memory that forgets (sliding window, recurrent) knew after its first `tokens` tokens. */
struct Checkpoint {
  size_t tokens = 0;
  std::vector<uint8_t> bytes;
};

/** A sequence's whole state in host memory. */
struct SavedState {
  std::vector<llama_token> tokens;
  std::vector<uint8_t> bytes;
  std::vector<Checkpoint> checkpoints;

  size_t size() const;
};

/**
 * One sequence of a context: the tokens whose state is in its memory, and the ways to go back. A plain KV cache can be cut
 * anywhere. One with a sliding window has forgotten what lies before the window, and a recurrent state knows its end only:
 * those go back to checkpoints, which are taken while a prompt is evaluated (llama-server does the same).
 */
class SequenceState {
 public:
  SequenceState(llama_context* context, llama_seq_id sequence);

  const std::vector<llama_token>& tokens() const { return tokens_; }
  llama_seq_id sequence() const { return sequence_; }
  void push(llama_token token) { tokens_.push_back(token); }

  /** How many tokens of `prompt` would not have to be evaluated again; less than all of them, for the last one's logits are needed. */
  size_t reusable(const std::vector<llama_token>& prompt) const;
  /** Goes back to the first `reusable(prompt)` tokens; returns how many are kept. */
  size_t cutBackTo(const std::vector<llama_token>& prompt);
  void clear();

  /** Where evaluation of a prompt of this length has to stop next to take a checkpoint; its end when there is none to take. */
  size_t nextStop(size_t promptTokens) const;
  /** Takes a checkpoint if this is a place for one. Call it before more tokens are evaluated. */
  void checkpointIfDue(size_t promptTokens);

  /** Undefined when there is no host memory for it or it is larger than `bytesMax`. */
  std::optional<SavedState> save(size_t bytesMax) const;
  /** False when llama.cpp refuses it: the sequence is empty then. */
  bool restore(SavedState saved);
  /** What of `saved` could be used for `prompt`, as `reusable` says for this sequence. */
  size_t reusableOf(const SavedState& saved, const std::vector<llama_token>& prompt) const;

  /** Forgets `discard` tokens after the first `keep`, moving the rest down. False = this memory cannot; nothing has changed. */
  bool shift(size_t keep, size_t discard);

 private:
  size_t reachable(size_t held, const std::vector<Checkpoint>& checkpoints, size_t wanted, llama_pos oldest) const;

  llama_context* context_;
  llama_memory_t memory_;
  llama_seq_id sequence_;
  bool forgets_;
  size_t window_;
  std::vector<llama_token> tokens_;
  std::vector<Checkpoint> checkpoints_;
};

}  // namespace llmlb
