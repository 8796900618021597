#include "prompt-truncation.h"

#include <algorithm>

namespace llmlb {
namespace {

bool isRole(const common_json& message, const std::string& role) { return message.value("role", "") == role; }

/** Positions where the kept part of a chat may begin: never at a tool's result, whose call would be missing. */
std::vector<size_t> possibleBeginnings(const common_json& messages) {
  std::vector<size_t> beginnings;
  for (size_t i = 0; i < messages.size(); i++) {
    if (!isRole(messages[i], "tool") && !isRole(messages[i], "system")) beginnings.push_back(i);
  }
  return beginnings;
}

common_json from(const common_json& messages, size_t beginning) {
  common_json kept = common_json::array();
  for (size_t i = 0; i < messages.size(); i++) {
    if (i >= beginning || isRole(messages[i], "system")) kept.push_back(messages[i]);
  }
  return kept;
}

}  // namespace

common_json withoutOldestTurns(const common_json& messages, size_t tokensMax, const CountTokens& countTokens) {
  const auto beginnings = possibleBeginnings(messages);
  if (beginnings.size() < 2) return messages;
  // The more is left out, the shorter it is: the first beginning that fits is found by halving.
  size_t low = 1, high = beginnings.size() - 1;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (countTokens(from(messages, beginnings[middle])) <= tokensMax) high = middle;
    else low = middle + 1;
  }
  return from(messages, beginnings[low]);
}

std::vector<llama_token> withoutMiddle(const std::vector<llama_token>& tokens, size_t tokensMax, int keep) {
  if (tokens.size() <= tokensMax) return tokens;
  const size_t first = keep < 0 ? tokensMax : std::min(static_cast<size_t>(keep), tokensMax);
  std::vector<llama_token> kept(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(first));
  kept.insert(kept.end(), tokens.end() - static_cast<std::ptrdiff_t>(tokensMax - first), tokens.end());
  return kept;
}

}  // namespace llmlb
