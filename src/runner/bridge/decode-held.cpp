#include <algorithm>

#include "decode-loop.h"

namespace llmlb {
namespace {

// Of what is held, the newest are told: more prompts than this are no node's daily work, and they are told again and again.
constexpr size_t kHeldToldMax = 256;

}  // namespace

std::vector<HeldPrompt> DecodeLoop::held() const {
  std::lock_guard lock(heldMutex_);
  return held_;
}

void DecodeLoop::publishHeld() {
  std::vector<const Slot*> slots;
  for (const Slot& slot : slots_) {
    if (slot.state.origin() != 0) slots.push_back(&slot);
  }
  std::sort(slots.begin(), slots.end(), [](const Slot* a, const Slot* b) { return a->started > b->started; });
  std::vector<HeldPrompt> held;
  for (const Slot* slot : slots) held.push_back({slot->state.origin(), slot->state.tokens().size()});
  for (auto saved = cache_.entries().rbegin(); saved != cache_.entries().rend() && held.size() < kHeldToldMax; ++saved) {
    if (saved->origin != 0) held.push_back({saved->origin, saved->tokens.size()});
  }
  heldChanged_ = false;
  std::lock_guard lock(heldMutex_);
  held_ = std::move(held);
}

}  // namespace llmlb
