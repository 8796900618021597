#pragma once
#include <llama.h>

#include <functional>
#include <vector>

#include "chat-templates.h"

namespace llmlb {

/** Renders a chat with these messages and counts its tokens. */
using CountTokens = std::function<size_t(const common_json& messages)>;

/**
 * The messages without as many of the oldest turns as it takes to fit into `tokensMax`, as Ollama cuts a chat: system
 * messages and the last message stay, and a tool's result goes with the call that it answers. When even those do not fit,
 * nothing more is left out.
 */
common_json withoutOldestTurns(const common_json& messages, size_t tokensMax, const CountTokens& countTokens);

/** A text's first `keep` tokens (-1 = as many as there are) and then its newest, `tokensMax` in all. */
std::vector<llama_token> withoutMiddle(const std::vector<llama_token>& tokens, size_t tokensMax, int keep);

}  // namespace llmlb
