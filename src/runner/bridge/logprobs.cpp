#include "logprobs.h"

#include <common.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace llmlb {

ChosenToken logprobsOf(const float* logits, const llama_vocab* vocab, llama_token chosen, int top) {
  const auto count = static_cast<size_t>(llama_vocab_n_tokens(vocab));
  const float largest = *std::max_element(logits, logits + count);
  const double sum = std::accumulate(logits, logits + count, 0.0, [largest](double total, float logit) {
    return total + std::exp(static_cast<double>(logit - largest));
  });
  const auto logSum = static_cast<float>(largest + std::log(sum));
  const auto tell = [&](llama_token id) { return TokenLogprob{id, common_token_to_piece(vocab, id, true), logits[id] - logSum}; };

  std::vector<llama_token> ids(count);
  std::iota(ids.begin(), ids.end(), 0);
  const size_t wanted = std::min(count, static_cast<size_t>(std::max(0, top)));
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(wanted), ids.end(),
                    [logits](llama_token a, llama_token b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  ChosenToken result{tell(chosen), {}};
  for (size_t i = 0; i < wanted; i++) result.top.push_back(tell(ids[i]));
  return result;
}

}  // namespace llmlb
