#include "token-list.h"

#include <algorithm>

namespace llmlb {

void TokenList::pushMedia(llama_token content, size_t tokens, llama_pos positions) {
  media_.push_back({size(), tokens, positions});
  tokens_.insert(tokens_.end(), tokens, content);
}

void TokenList::follow(const TokenList& whole, size_t count) {
  const size_t from = size();
  for (const MediaSpan& span : whole.media_) {
    if (span.begin >= from && span.begin < from + count) media_.push_back(span);
  }
  const auto first = whole.tokens_.begin() + static_cast<std::ptrdiff_t>(from);
  tokens_.insert(tokens_.end(), first, first + static_cast<std::ptrdiff_t>(count));
}

void TokenList::resize(size_t count) {
  tokens_.resize(count);
  std::erase_if(media_, [count](const MediaSpan& span) { return span.begin >= count; });
}

void TokenList::erase(size_t from, size_t count) {
  const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(from);
  tokens_.erase(first, first + static_cast<std::ptrdiff_t>(count));
}

llama_pos TokenList::positionOf(size_t index) const {
  auto position = static_cast<llama_pos>(index);
  for (const MediaSpan& span : media_) {
    if (span.end() <= index) position += span.positions - static_cast<llama_pos>(span.tokens);
    else if (span.begin < index) position -= static_cast<llama_pos>(index - span.begin);
  }
  return position;
}

const MediaSpan* TokenList::mediaAt(size_t index) const {
  const auto found = std::find_if(media_.begin(), media_.end(),
                                  [index](const MediaSpan& span) { return span.begin <= index && index < span.end(); });
  return found == media_.end() ? nullptr : &*found;
}

size_t TokenList::textEnd(size_t index) const {
  const auto next = std::find_if(media_.begin(), media_.end(), [index](const MediaSpan& span) { return span.begin >= index; });
  return next == media_.end() ? size() : next->begin;
}

size_t TokenList::wholeUpTo(size_t count) const {
  const MediaSpan* cut = mediaAt(count);
  return cut == nullptr ? count : cut->begin;
}

size_t commonPrefix(const TokenList& a, const TokenList& b) {
  const auto end = std::mismatch(a.tokens().begin(), a.tokens().end(), b.tokens().begin(), b.tokens().end()).first;
  return static_cast<size_t>(end - a.tokens().begin());
}

}  // namespace llmlb
