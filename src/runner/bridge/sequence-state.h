#pragma once
#include <llama.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "token-list.h"

namespace llmlb {

/** What a memory that forgets (sliding window, recurrent) knew after its first `tokens` tokens. */
struct Checkpoint {
  size_t tokens = 0;
  std::vector<uint8_t> bytes;
};

/** A sequence's whole state in host memory. */
struct SavedState {
  TokenList tokens;
  std::vector<uint8_t> bytes;
  std::vector<Checkpoint> checkpoints;
  /** As `SequenceState::origin`. */
  int64_t origin = 0;

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

  const TokenList& tokens() const { return tokens_; }
  llama_seq_id sequence() const { return sequence_; }
  /** Where the next token stands. */
  llama_pos position() const { return tokens_.positionOf(tokens_.size()); }
  /** The newest request whose prompt this begins with, as far as it is held; 0 = it is the beginning of none. */
  int64_t origin() const { return origin_; }
  void comesFrom(int64_t request) { origin_ = request; }
  void push(llama_token token) { tokens_.push(token); }
  /** Takes over the next `count` cells of `prompt`, which begins with what is held. */
  void follow(const TokenList& prompt, size_t count) { tokens_.follow(prompt, count); }

  /** How many tokens of `prompt` would not have to be evaluated again: not the last one, whose logits are needed, and no media in part. */
  size_t reusable(const TokenList& prompt) const;
  /** Goes back to the first `reusable(prompt)` tokens; returns how many are kept. */
  size_t cutBackTo(const TokenList& prompt);
  void clear();

  /** Where evaluation of the text that comes next in `prompt` has to stop: to take a checkpoint, at media, or at the end. */
  size_t nextStop(const TokenList& prompt) const;
  /** Takes a checkpoint if this is a place for one. Call it before more tokens are evaluated. */
  void checkpointIfDue(const TokenList& prompt);

  /** Undefined when there is no host memory for it or it is larger than `bytesMax`. */
  std::optional<SavedState> save(size_t bytesMax) const;
  /** False when llama.cpp refuses it: the sequence is empty then. */
  bool restore(SavedState saved);
  /** What of `saved` could be used for `prompt`, as `reusable` says for this sequence. */
  size_t reusableOf(const SavedState& saved, const TokenList& prompt) const;

  /** Forgets `discard` tokens after the first `keep`, moving the rest down. False = this memory cannot; nothing has changed. */
  bool shift(size_t keep, size_t discard);

 private:
  size_t reachable(const TokenList& held, const std::vector<Checkpoint>& checkpoints, size_t wanted, llama_pos oldest) const;
  bool isDue(const TokenList& prompt) const;

  llama_context* context_;
  llama_memory_t memory_;
  llama_seq_id sequence_;
  bool forgets_;
  llama_pos window_;
  TokenList tokens_;
  std::vector<Checkpoint> checkpoints_;
  int64_t origin_ = 0;
};

}  // namespace llmlb
