#pragma once
#include <llama.h>

#include <cstdint>
#include <memory>

#include "request.h"
#include "sequence-state.h"

namespace llmlb {

/** A place in the running batch: one sequence of the context, and the request that it works on. */
struct Slot {
  Slot(llama_context* context, llama_seq_id sequence) : state(context, sequence) {}

  /** Stays after a request, for the next one with the same beginning. */
  SequenceState state;
  /** Null = idle. */
  std::shared_ptr<Request> request;
  uint64_t started = 0, released = 0;  // order of getting a request, and of becoming idle

  /** Where in the current batch this slot's logits come; -1 = none in this step. */
  int batchIndex = -1;
  /** Sampled, but not decoded yet; only when `generating`. */
  llama_token next = LLAMA_TOKEN_NULL;
  bool generating = false;

  bool idle() const { return request == nullptr; }
  size_t promptLeft() const { return request->prompt.size() - state.tokens().size(); }
};

}  // namespace llmlb
