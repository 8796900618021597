#pragma once
#include <llama.h>

#include <string>
#include <vector>

namespace llmlb {

/** See TokenLogprob in src/core/generation.ts. */
struct TokenLogprob {
  llama_token id = LLAMA_TOKEN_NULL;
  std::string bytes;
  float logprob = 0;
};

struct ChosenToken {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;
};

/**
 * The probability of `chosen` and of the `top` likeliest tokens among `logits`, which are the model's own: before biases, penalties,
 * grammar and temperature, as llama-server tells them.
 */
ChosenToken logprobsOf(const float* logits, const llama_vocab* vocab, llama_token chosen, int top);

}  // namespace llmlb
