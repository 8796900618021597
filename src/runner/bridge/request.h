#pragma once
#include <sampling.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "answer-parser.h"
#include "chat-templates.h"
#include "output-text.h"
#include "projector.h"
#include "prompt-tokenizer.h"
#include "token-list.h"

namespace llmlb {

/** What JavaScript can cancel. */
struct Ticket {
  explicit Ticket(int64_t ticketId) : id(ticketId) {}
  virtual ~Ticket() = default;

  const int64_t id;
  std::atomic<bool> cancelled{false};
  /** Completion tokens that the reader has taken. */
  std::atomic<size_t> acknowledged{0};
};

/** How far a generation has come; used by the decode thread only. It travels with the request when that leaves its slot. */
struct Progress {
  OutputText output;
  /** Tokens of the request's own prompt; `Request::prompt` grows when the request goes on in another slot. */
  size_t promptTokens = 0;
  size_t cachedTokens = 0, completionTokens = 0;
  int64_t startUs = 0, firstTokenUs = 0;

  bool begun() const { return startUs != 0; }
};

/** One generation, ready to be decoded. */
struct Request : Ticket {
  using Ticket::Ticket;

  TokenList prompt;
  /** False = parts of what was asked are left out of it, because all would not fit. */
  bool promptIsWhole = true;
  /** Where the pictures and sounds of `prompt` come from; null when there are none. */
  std::shared_ptr<const MediaPrompt> media;
  common_sampler_ptr sampler;
  /** Special tokens whose text belongs to the answer, because the parser looks for it. */
  std::set<llama_token> preservedTokens;
  std::vector<std::string> stops;
  /** -1 = until the model stops or the context is full. */
  int maxTokens = -1;
  /** Likeliest tokens to tell beside each chosen one; -1 = tell nothing. */
  int topLogprobs = -1;
  /** The end tells the tokens of prompt and answer. */
  bool tellTokens = false;
  /** Prompt and answer together; at most what a slot holds. */
  size_t contextTokens = 0;
  /** An answer that fills the context goes on: half of what follows the first `keepTokens` is forgotten. */
  bool shift = false;
  /** -1 = the whole prompt. */
  int keepTokens = 4;
  Progress progress;
  /** Used by the JavaScript thread only. */
  AnswerParser parser;
  /** The parser has all that is wanted of the answer; it ends with the next step. */
  std::atomic<bool> satisfied{false};
  /** JavaScript knows that it has begun; used by its thread only. */
  bool startTold = false;

  /** Tokens on their way to the reader. */
  size_t unread() const { return progress.completionTokens - std::min(progress.completionTokens, acknowledged.load()); }
};

/** What a request arrives as. `files`: its pictures and sounds, in the order of their markers. */
struct RequestText {
  std::string json;
  MediaFiles files;
};

/** What requests are prepared with; whoever prepares text and media on two threads needs one for each. */
struct PromptMaker {
  const llama_model* model;
  const ChatTemplates& templates;
  /** Of prompts without media. */
  PromptTokenizer& tokenizer;
  /** Of the others; null for a model without one. */
  Projector* projector;
};

/**
 * Fills `request` from the JSON text that src/runner/bridge-request.ts writes, where every number has been range-checked:
 * renders the chat, tokenizes the prompt and makes the sampler. Throws Failure: `invalid_argument`, or
 * `context_overflow` for a prompt that leaves no room in the context, which is what the request asks for but at most `slotTokens`.
 */
void prepareRequest(Request& request, const RequestText& text, const PromptMaker& maker, int slotTokens);

}  // namespace llmlb
