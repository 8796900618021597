#include "conversation.h"

#include <common.h>

#include <string>

#include "failure.h"

namespace llmlb {

std::vector<llama_token> afterConversation(std::vector<llama_token> earlier, const std::vector<llama_token>& prompt,
                                           const llama_vocab* vocab) {
  for (const llama_token token : earlier) {
    if (token >= 0 && token < llama_vocab_n_tokens(vocab)) continue;
    throw Failure("invalid_argument", "context has token " + std::to_string(token) + ", but the model has only " +
                                          std::to_string(llama_vocab_n_tokens(vocab)));
  }
  // What begins every prompt does not stand in the middle of one.
  const bool begins = !earlier.empty() && !prompt.empty() && prompt.front() == llama_vocab_bos(vocab) && llama_vocab_get_add_bos(vocab);
  earlier.insert(earlier.end(), prompt.begin() + (begins ? 1 : 0), prompt.end());
  return earlier;
}

std::vector<llama_token> withoutTail(std::vector<llama_token> tokens, size_t bytes, const llama_vocab* vocab) {
  while (bytes > 0 && !tokens.empty()) {
    const std::string piece = common_token_to_piece(vocab, tokens.back(), false);
    tokens.pop_back();
    if (piece.size() <= bytes) {
      bytes -= piece.size();
      continue;
    }
    // The cut goes through this token: its beginning is other tokens.
    const auto rest = common_tokenize(vocab, piece.substr(0, piece.size() - bytes), false, false);
    tokens.insert(tokens.end(), rest.begin(), rest.end());
    break;
  }
  return tokens;
}

}  // namespace llmlb
