#pragma once
#include <llama.h>

#include <vector>

namespace llmlb {

/** Cells of a sequence that an encoder fills: a picture, a sound, or one tile of a picture. */
struct MediaSpan {
  size_t begin = 0, tokens = 0;
  /** Positions that it takes: fewer than tokens where rows and columns count by themselves (M-RoPE). */
  llama_pos positions = 0;

  size_t end() const { return begin + tokens; }
};

/**
 * What a sequence consists of, one number a cell. A cell of media holds a negative number that stands for the content of its span, so two
 * sequences agree as far as their numbers do. A span is taken over as a whole or not at all, except by who evaluates it piece by piece.
 */
class TokenList {
 public:
  TokenList() = default;
  TokenList(std::vector<llama_token> text) : tokens_(std::move(text)) {}

  size_t size() const { return tokens_.size(); }
  bool empty() const { return tokens_.empty(); }
  llama_token operator[](size_t index) const { return tokens_[index]; }
  const std::vector<llama_token>& tokens() const { return tokens_; }
  const std::vector<MediaSpan>& media() const { return media_; }

  void push(llama_token token) { tokens_.push_back(token); }
  /** `content` is negative, and the same for the same content only. */
  void pushMedia(llama_token content, size_t tokens, llama_pos positions);
  /** Takes over the next `count` cells of `whole`, which begins with these. */
  void follow(const TokenList& whole, size_t count);
  /** Cuts it; at a place that `wholeUpTo` allows. */
  void resize(size_t count);
  void clear() { resize(0); }
  /** Takes `count` cells out of the middle of a list without media. */
  void erase(size_t from, size_t count);

  /** Where the cell `index` stands, or the next one if that is the size. Inside media: where those begin. */
  llama_pos positionOf(size_t index) const;
  /** The span that holds the cell `index`; null in text. */
  const MediaSpan* mediaAt(size_t index) const;
  /** Where the text that goes on at `index` ends: before the next media, or with the list. */
  size_t textEnd(size_t index) const;
  /** The most cells, up to `count`, that end with no span cut in two. */
  size_t wholeUpTo(size_t count) const;

 private:
  std::vector<llama_token> tokens_;
  /** In order. */
  std::vector<MediaSpan> media_;
};

/** How many cells both begin with. */
size_t commonPrefix(const TokenList& a, const TokenList& b);

}  // namespace llmlb
