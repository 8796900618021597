#include "outbox.h"

#include <algorithm>

namespace llmlb {
namespace {

using Clock = std::chrono::steady_clock;

// A tiny model makes hundreds of tokens a second; nobody reads faster than this, and each wake-up costs a thread switch.
constexpr auto kWakeEvery = std::chrono::milliseconds(5);

}  // namespace

Outbox::Outbox(Napi::Env env, Napi::Function callback, Deliver deliver)
    : deliver_(std::move(deliver)), wake_(Napi::ThreadSafeFunction::New(env, callback, "llmlb-outbox", 0, 1)) {}

Delivery& Outbox::pendingFor(const std::shared_ptr<Ticket>& ticket) {
  const auto found = std::find_if(pending_.begin(), pending_.end(),
                                  [&](const Delivery& delivery) { return delivery.ticket == ticket; });
  if (found != pending_.end()) return *found;
  pending_.emplace_back().ticket = ticket;
  return pending_.back();
}

void Outbox::token(const std::shared_ptr<Request>& request, const std::string& text) {
  std::lock_guard lock(mutex_);
  Delivery& delivery = pendingFor(request);
  delivery.text += text;
  delivery.tokens++;
}

void Outbox::logprobs(const std::shared_ptr<Request>& request, ChosenToken token) {
  std::lock_guard lock(mutex_);
  pendingFor(request).logprobs.push_back(std::move(token));
}

void Outbox::text(const std::shared_ptr<Request>& request, const std::string& text) {
  if (text.empty()) return;
  std::lock_guard lock(mutex_);
  pendingFor(request).text += text;
}

void Outbox::done(const std::shared_ptr<Request>& request, const Done& done) {
  std::lock_guard lock(mutex_);
  pendingFor(request).done = done;
  endPending_ = true;
}

void Outbox::embedded(const std::shared_ptr<Ticket>& ticket, Embedded result) {
  std::lock_guard lock(mutex_);
  pendingFor(ticket).embedded = std::move(result);
  endPending_ = true;
}

void Outbox::fail(const std::shared_ptr<Ticket>& ticket, Failure failure) {
  std::lock_guard lock(mutex_);
  pendingFor(ticket).failure = std::move(failure);
  endPending_ = true;
}

void Outbox::flush(bool now) {
  std::lock_guard lock(mutex_);
  if (closed_ || wakeUnderWay_ || pending_.empty()) return;
  const auto time = Clock::now();
  if (!now && !endPending_ && time - lastWake_ < kWakeEvery) return;
  const auto self = shared_from_this();  // a call may still be under way when the bridge is closed: it finds nothing then
  const napi_status status = wake_.NonBlockingCall([self](Napi::Env env, Napi::Function callback) {
    auto deliveries = self->take();
    if (!deliveries.empty()) self->deliver_(env, callback, std::move(deliveries));
  });
  if (status != napi_ok) return;
  wakeUnderWay_ = true;
  lastWake_ = time;
}

std::vector<Delivery> Outbox::take() {
  std::lock_guard lock(mutex_);
  wakeUnderWay_ = false;
  endPending_ = false;
  return std::exchange(pending_, {});
}

void Outbox::close() {
  std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) return;
  pending_.clear();
  wake_.Release();
}

}  // namespace llmlb
