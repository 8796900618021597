#pragma once
#include <llama.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "output-text.h"
#include "request.h"

namespace llmlb {

/** A place in the running batch: one sequence of the context, and the request that it works on. */
struct Slot {
  llama_seq_id sequence = 0;
  /** Tokens whose state is in the context's memory; they stay after a request, for the next one with the same beginning. */
  std::vector<llama_token> tokens;
  /** Null = idle. */
  std::shared_ptr<Request> request;
  uint64_t admitted = 0;  // order of arrival
  uint64_t released = 0;  // order of becoming idle

  OutputText output;
  /** Where in the current batch this slot's logits come; -1 = none in this step. */
  int batchIndex = -1;
  /** Sampled, but not decoded yet; only when `generating`. */
  llama_token next = LLAMA_TOKEN_NULL;
  bool generating = false;
  size_t cachedTokens = 0, completionTokens = 0;
  int64_t startUs = 0, firstTokenUs = 0;

  bool idle() const { return request == nullptr; }
  size_t promptLeft() const { return request->prompt.size() - tokens.size(); }
};

}  // namespace llmlb
