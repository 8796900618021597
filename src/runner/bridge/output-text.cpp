#include "output-text.h"

#include <algorithm>

namespace llmlb {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/** Bytes of the character that `first` begins; 0 = no character begins so. */
size_t characterBytes(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

/** Is `next` allowed after `first`? Rules out overlong forms, surrogates and what lies above U+10FFFF. */
bool secondByteFits(unsigned char first, unsigned char next) {
  switch (first) {
    case 0xE0: return next >= 0xA0 && next <= 0xBF;
    case 0xED: return next >= 0x80 && next <= 0x9F;
    case 0xF0: return next >= 0x90 && next <= 0xBF;
    case 0xF4: return next >= 0x80 && next <= 0x8F;
    default: return next >= 0x80 && next <= 0xBF;
  }
}

}  // namespace

std::string Utf8Stream::push(std::string_view bytes) {
  std::string whole;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (!partial_.empty()) {
      const auto first = static_cast<unsigned char>(partial_[0]);
      const bool fits = partial_.size() == 1 ? secondByteFits(first, value) : (value & 0xC0) == 0x80;
      if (fits) {
        partial_.push_back(byte);
        if (partial_.size() == characterBytes(first)) {
          whole += partial_;
          partial_.clear();
        }
        continue;
      }
      // One U+FFFD for the unfinished character; this byte may begin the next one.
      whole += kReplacement;
      partial_.clear();
    }
    const size_t length = characterBytes(value);
    if (length == 0) whole += kReplacement;
    else if (length == 1) whole.push_back(byte);
    else partial_.push_back(byte);
  }
  return whole;
}

std::string Utf8Stream::finish() {
  if (partial_.empty()) return "";
  partial_.clear();
  return std::string(kReplacement);
}

OutputText::OutputText(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string OutputText::push(std::string_view bytes) {
  return stopped_ ? "" : release(utf8_.push(bytes));
}

std::string OutputText::finish() {
  if (stopped_) return "";
  std::string text = release(utf8_.finish());
  if (!stopped_) text += held_;
  held_.clear();
  return text;
}

std::string OutputText::release(std::string text) {
  held_ += text;
  size_t stopAt = std::string::npos;
  for (const auto& stop : stops_) {
    const size_t found = held_.find(stop);
    if (found >= stopAt) continue;
    stopAt = found;
    stop_ = stop;
  }
  if (stopAt != std::string::npos) {
    stopped_ = true;
    cutBytes_ = held_.size() - stopAt;
    std::string ready = held_.substr(0, stopAt);
    held_.clear();
    return ready;
  }
  const size_t keep = heldBytes();
  std::string ready = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return ready;
}

/** The longest end of the held text that a stop string begins with. */
size_t OutputText::heldBytes() const {
  size_t longest = 0;
  for (const auto& stop : stops_) {
    const size_t most = std::min(stop.size() - 1, held_.size());
    for (size_t length = most; length > longest; length--) {
      if (std::string_view(held_).substr(held_.size() - length) == std::string_view(stop).substr(0, length)) {
        longest = length;
        break;
      }
    }
  }
  return longest;
}

}  // namespace llmlb
