#pragma once
#include <napi.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "failure.h"
#include "logprobs.h"
#include "request.h"

namespace llmlb {

/** See GenerationCounts in src/core/generation.ts. */
struct Counts {
  size_t promptTokens = 0, cachedTokens = 0, completionTokens = 0;
  double promptMs = 0, generationMs = 0;
};

enum class Reason { stop, length };

struct Done {
  Reason reason;
  Counts counts;
  /** The stop string that ended the answer; empty = none did. */
  std::string stop;
  /** Of the whole conversation; only where the request wants to be told. */
  std::vector<llama_token> tokens;
};

struct Embedded {
  std::vector<std::vector<float>> vectors;
  size_t promptTokens = 0;
};

/** What happened to one ticket since the last delivery. */
struct Delivery {
  std::shared_ptr<Ticket> ticket;
  std::string text;
  std::vector<ChosenToken> logprobs;
  /** Completion tokens behind it. */
  size_t tokens = 0;
  std::optional<Done> done;
  std::optional<Embedded> embedded;
  std::optional<Failure> failure;

  bool ends() const { return done || embedded || failure; }
};

/**
 * The way from the native threads to JavaScript. Nothing here waits for JavaScript: while it is busy, the text of an
 * answer grows in its one pending delivery, so that memory is bounded by what the slots can generate, and one wake-up
 * takes everything.
 */
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  using Deliver = std::function<void(Napi::Env, Napi::Function, std::vector<Delivery>)>;

  /** `deliver` runs on the JavaScript thread. */
  Outbox(Napi::Env env, Napi::Function callback, Deliver deliver);

  /** One more token, and the text that may leave with it: often none. */
  void token(const std::shared_ptr<Request>& request, const std::string& text);
  /** Tells of the token that is about to leave. */
  void logprobs(const std::shared_ptr<Request>& request, ChosenToken token);
  void text(const std::shared_ptr<Request>& request, const std::string& text);
  void done(const std::shared_ptr<Request>& request, const Done& done);
  void embedded(const std::shared_ptr<Ticket>& ticket, Embedded result);
  void fail(const std::shared_ptr<Ticket>& ticket, Failure failure);

  /** Wakes JavaScript if something is pending. Without `now` it does so at most every few milliseconds, except for an end. */
  void flush(bool now);
  /** Call after every thread that uses the outbox has ended. */
  void close();

 private:
  Delivery& pendingFor(const std::shared_ptr<Ticket>& ticket);
  std::vector<Delivery> take();

  std::mutex mutex_;
  std::vector<Delivery> pending_;
  bool wakeUnderWay_ = false;
  bool endPending_ = false;
  bool closed_ = false;
  std::chrono::steady_clock::time_point lastWake_{};
  Deliver deliver_;
  Napi::ThreadSafeFunction wake_;
};

}  // namespace llmlb
