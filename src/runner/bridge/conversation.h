#pragma once
#include <llama.h>

#include <cstddef>
#include <vector>

/** The tokens of a conversation, which Ollama's `context` carries from an answer to the request that goes on with it. */
namespace llmlb {

/** The conversation so far, and `prompt` after it. Throws Failure `invalid_argument` for a token that the vocabulary does not have. */
std::vector<llama_token> afterConversation(std::vector<llama_token> earlier, const std::vector<llama_token>& prompt,
                                           const llama_vocab* vocab);

/** `tokens` without the last `bytes` of their text, which a stop string has cut off. */
std::vector<llama_token> withoutTail(std::vector<llama_token> tokens, size_t bytes, const llama_vocab* vocab);

}  // namespace llmlb
