#pragma once
#include <llama.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "media-encoder.h"
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
  /** Of the media in its prompt, in their order; null = it has been evaluated. */
  std::vector<std::shared_ptr<const Encoding>> encodings;

  bool idle() const { return request == nullptr; }
  /** The media that its prompt goes on with; null in text. */
  const MediaSpan* nextMedia() const { return request->prompt.mediaAt(state.tokens().size()); }
  /** Of that media; null in text, and without a prompt to evaluate. */
  const Encoding* nextEncoding() const {
    const MediaSpan* span = idle() || generating ? nullptr : nextMedia();
    return span == nullptr ? nullptr : encodings[static_cast<size_t>(span - request->prompt.media().data())].get();
  }
  /** Tokens of the prompt's text before its end or its next media. */
  size_t textLeft() const { return request->prompt.textEnd(state.tokens().size()) - state.tokens().size(); }
};

}  // namespace llmlb
