#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace llmlb {

/** Bytes to whole UTF-8 characters: an unfinished character waits for its rest, what cannot be one becomes U+FFFD. */
class Utf8Stream {
 public:
  /** The characters that `bytes` completes. */
  std::string push(std::string_view bytes);
  /** The end: an unfinished character is lost for good and shows as U+FFFD. */
  std::string finish();

 private:
  std::string partial_;
};

/**
 * The text of one answer on its way out. Stop strings may span tokens: text that could be the beginning of one is held
 * back until it is known to be something else, so that no piece of a stop string ever leaves.
 */
class OutputText {
 public:
  explicit OutputText(std::vector<std::string> stops = {});

  /** Takes a token's bytes; returns the text that may leave now. After a stop string nothing leaves any more. */
  std::string push(std::string_view bytes);
  /** The end of the answer: returns what was held back. */
  std::string finish();
  bool stopped() const { return stopped_; }
  /** The stop string that was found; empty = none was. */
  const std::string& stop() const { return stop_; }
  /** Bytes of text that were left out because of it, itself with them. */
  size_t cutBytes() const { return cutBytes_; }

 private:
  std::string release(std::string text);
  size_t heldBytes() const;

  std::vector<std::string> stops_;
  Utf8Stream utf8_;
  std::string held_;
  std::string stop_;
  size_t cutBytes_ = 0;
  bool stopped_ = false;
};

}  // namespace llmlb
