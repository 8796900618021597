#include "prompt-cache.h"

namespace llmlb {

void PromptCache::put(SavedState saved) {
  const size_t size = saved.size();
  if (size > bytesMax_) return;
  const auto drop = [this](std::list<SavedState>::iterator entry) {
    bytes_ -= entry->size();
    return entries_.erase(entry);
  };
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const size_t common = commonPrefix(entry->tokens, saved.tokens);
    if (common == saved.tokens.size() && common < entry->tokens.size()) return;  // a longer one holds it already
    entry = common == entry->tokens.size() ? drop(entry) : std::next(entry);
  }
  while (!entries_.empty() && bytes_ + size > bytesMax_) drop(entries_.begin());
  bytes_ += size;
  entries_.push_back(std::move(saved));
}

PromptCache::Found PromptCache::find(const SequenceState& into, const TokenList& prompt) {
  Found best{entries_.end(), 0};
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    const size_t reusable = into.reusableOf(*entry, prompt);
    if (reusable > best.reusable) best = {entry, reusable};
  }
  return best;
}

SavedState PromptCache::take(const Found& found) {
  SavedState saved = std::move(*found.entry);
  bytes_ -= saved.size();
  entries_.erase(found.entry);
  return saved;
}

}  // namespace llmlb
