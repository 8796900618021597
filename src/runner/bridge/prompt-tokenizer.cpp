#include "prompt-tokenizer.h"

#include <common.h>

#include <algorithm>

namespace llmlb {
namespace {

// A conversation's newest prompt is enough for its next turn; as many people as slots have one each, and some more come back.
constexpr size_t kPromptsMax = 64;
constexpr size_t kBytesMax = 32 << 20;
// Shorter texts cost less than looking for them.
constexpr size_t kCharactersMin = 512;

/** Tokens whose text llama.cpp looks for before anything else, and which leave the white space after them alone. */
bool isCuttable(const llama_vocab* vocab, llama_token token) {
  const auto attributes = static_cast<int>(llama_vocab_get_attr(vocab, token));
  return (attributes & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED)) != 0 &&
         (attributes & LLAMA_TOKEN_ATTR_RSTRIP) == 0;
}

bool isSpecial(const llama_vocab* vocab, llama_token token) {
  constexpr int special = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED | LLAMA_TOKEN_ATTR_UNKNOWN;
  return (static_cast<int>(llama_vocab_get_attr(vocab, token)) & special) != 0;
}

size_t commonCharacters(const std::string& a, const std::string& b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

size_t occurrences(const std::string& text, const std::string& part, size_t from) {
  size_t count = 0;
  for (size_t at = text.find(part, from); at != std::string::npos; at = text.find(part, at + part.size())) count++;
  return count;
}

}  // namespace

PromptTokenizer::PromptTokenizer(const llama_vocab* vocab) : vocab_(vocab) {
  const auto type = llama_vocab_type(vocab);
  cuttable_ = (type == LLAMA_VOCAB_TYPE_BPE || type == LLAMA_VOCAB_TYPE_SPM) && !llama_vocab_get_add_eos(vocab);
  if (!cuttable_) return;
  for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); token++) {
    if (!isSpecial(vocab, token)) continue;
    std::string text = llama_vocab_get_text(vocab, token);
    longestSpecial_ = std::max(longestSpecial_, text.size());
    if (isCuttable(vocab, token) && !text.empty()) specials_.emplace(token, std::move(text));
  }
}

std::vector<llama_token> PromptTokenizer::tokenize(const std::string& text) {
  reused_ = 0;
  if (!cuttable_ || text.size() < kCharactersMin) return common_tokenize(vocab_, text, true, true);
  const Found found = find(text);
  Remembered prompt{text, {}, {}};
  if (found.prompt == nullptr) {
    prompt.tokens = common_tokenize(vocab_, text, true, true);
  } else {
    const auto& known = *found.prompt;
    prompt.tokens.assign(known.tokens.begin(), known.tokens.begin() + static_cast<std::ptrdiff_t>(found.cut.tokens));
    const auto rest = common_tokenize(vocab_, text.substr(found.cut.character), false, true);
    prompt.tokens.insert(prompt.tokens.end(), rest.begin(), rest.end());
    for (const Cut& cut : known.cuts) {
      if (cut.character <= found.cut.character) prompt.cuts.push_back(cut);
    }
    reused_ = found.cut.character;
  }
  const auto more = cutsOf(text, prompt.tokens, found.cut);
  prompt.cuts.insert(prompt.cuts.end(), more.begin(), more.end());
  auto tokens = prompt.tokens;
  remember(std::move(prompt));
  return tokens;
}

/** The last cut that lies far enough inside what is common: a longer special token could begin before it and end in the new text. */
PromptTokenizer::Found PromptTokenizer::find(const std::string& text) const {
  Found best;
  for (const auto& prompt : prompts_) {
    const size_t common = commonCharacters(prompt.text, text);
    for (auto cut = prompt.cuts.rbegin(); cut != prompt.cuts.rend() && cut->character > best.cut.character; ++cut) {
      if (cut->character + longestSpecial_ > common) continue;
      best = {&prompt, *cut};
      break;
    }
  }
  return best;
}

/**
 * Where the special tokens of `tokens` end in `text`, after `from`. A special token counts if every occurrence of its text is one: then the
 * first occurrence is the first token, and so on.
 */
std::vector<PromptTokenizer::Cut> PromptTokenizer::cutsOf(const std::string& text, const std::vector<llama_token>& tokens,
                                                          Cut from) const {
  // A beginning that the tokenizer adds is not in the text.
  const size_t begin = from.tokens == 0 && llama_vocab_get_add_bos(vocab_) ? 1 : from.tokens;
  std::unordered_map<llama_token, size_t> counts, ends;
  for (size_t at = begin; at < tokens.size(); at++) {
    if (specials_.contains(tokens[at])) counts[tokens[at]]++;
  }
  for (const auto& [token, count] : counts) {
    if (occurrences(text, specials_.at(token), from.character) == count) ends[token] = from.character;
  }
  std::vector<Cut> cuts;
  for (size_t at = begin; at < tokens.size(); at++) {
    const auto end = ends.find(tokens[at]);
    if (end == ends.end()) continue;
    const std::string& special = specials_.at(tokens[at]);
    end->second = text.find(special, end->second) + special.size();
    cuts.push_back({end->second, at + 1});
  }
  return cuts;
}

void PromptTokenizer::remember(Remembered prompt) {
  const auto sizeOf = [](const Remembered& one) {
    return one.text.size() + one.tokens.size() * sizeof(llama_token) + one.cuts.size() * sizeof(Cut);
  };
  // What the new text begins with is of no further use.
  for (auto known = prompts_.begin(); known != prompts_.end();) {
    const bool covered = prompt.text.starts_with(known->text);
    if (covered) bytes_ -= sizeOf(*known);
    known = covered ? prompts_.erase(known) : std::next(known);
  }
  bytes_ += sizeOf(prompt);
  prompts_.push_front(std::move(prompt));
  while (prompts_.size() > kPromptsMax || (bytes_ > kBytesMax && prompts_.size() > 1)) {
    bytes_ -= sizeOf(prompts_.back());
    prompts_.pop_back();
  }
}

}  // namespace llmlb
