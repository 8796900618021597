#pragma once
#include <sampling.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "answer-parser.h"
#include "chat-templates.h"

namespace llmlb {

/** What JavaScript can cancel. */
struct Ticket {
  explicit Ticket(int64_t ticketId) : id(ticketId) {}
  virtual ~Ticket() = default;

  const int64_t id;
  std::atomic<bool> cancelled{false};
};

/** One generation, ready to be decoded. */
struct Request : Ticket {
  using Ticket::Ticket;

  std::vector<llama_token> prompt;
  common_sampler_ptr sampler;
  /** Special tokens whose text belongs to the answer, because the parser looks for it. */
  std::set<llama_token> preservedTokens;
  std::vector<std::string> stops;
  /** -1 = until the model stops or the context is full. */
  int maxTokens = -1;
  /** Used by the JavaScript thread only. */
  AnswerParser parser;
};

/**
 * Fills `request` from the JSON text that src/runner/bridge-request.ts writes, where every number has been range-checked:
 * renders the chat, tokenizes the prompt and makes the sampler. Throws Failure: `invalid_argument`, or
 * `context_overflow` for a prompt that leaves no room in `contextTokens`.
 */
void prepareRequest(Request& request, const std::string& json, const llama_model* model, const ChatTemplates& templates,
                    int contextTokens);

}  // namespace llmlb
