#pragma once
#include <list>

#include "sequence-state.h"

namespace llmlb {

/** Microseconds per unit of some work, learned from what it took: newer measurements count more. */
class Cost {
 public:
  explicit Cost(double guess) : microseconds_(guess) {}

  /** `share`: how much this measurement counts, up to 1. */
  void learn(double microseconds, double units, double share = 1) {
    if (units > 0) microseconds_ += kWeight * share * (microseconds / units - microseconds_);
  }
  double of(size_t units) const { return microseconds_ * static_cast<double>(units); }

 private:
  static constexpr double kWeight = 0.3;
  double microseconds_;
};

/** States of evicted prompts in host memory, the least recently used go first. For one thread. */
class PromptCache {
 public:
  /** 0 = nothing is kept. */
  explicit PromptCache(size_t bytesMax) : bytesMax_(bytesMax) {}

  size_t bytes() const { return bytes_; }
  size_t bytesMax() const { return bytesMax_; }

  /** Keeps `saved` and drops what it makes unneeded: states of the same beginning that are shorter, and the oldest. */
  void put(SavedState saved);

  struct Found {
    std::list<SavedState>::iterator entry;
    size_t reusable = 0;
  };
  /** The state that saves the most tokens of `prompt`; `reusable` is 0 when there is none. */
  Found find(const SequenceState& into, const TokenList& prompt);
  SavedState take(const Found& found);
  const std::list<SavedState>& entries() const { return entries_; }

 private:
  const size_t bytesMax_;
  size_t bytes_ = 0;
  std::list<SavedState> entries_;  // oldest first
};

}  // namespace llmlb
