#pragma once
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "failure.h"
#include "projector.h"
#include "worker.h"

namespace llmlb {

/** What takes the place of tokens for one span, or why it cannot be made. Read it once it is done. */
struct Encoding {
  std::vector<float> embeddings;
  std::optional<Failure> failure;
  std::atomic<bool> done{false};
};

/** Called on the encoder's thread. */
struct EncoderHooks {
  /** An encoding begins, with as many threads as this returns. */
  std::function<int()> begin;
  /** It is over. */
  std::function<void()> end;
  /** Some encoding is done: whoever waits for it looks. */
  std::function<void()> done;
};

/** Encodes pictures and sounds on a thread of its own, in the order of the requests for them, and remembers the newest. */
class MediaEncoder {
 public:
  MediaEncoder(std::shared_ptr<Projector> projector, size_t valuesPerToken, EncoderHooks hooks);
  ~MediaEncoder() { worker_.reset(); }

  const Projector& projector() const { return *projector_; }
  /** That span's encoding, under way or done. One that nobody holds any more is not begun. */
  std::shared_ptr<const Encoding> encode(const std::shared_ptr<const MediaPrompt>& prompt, size_t span);

  /** Spans encoded so far, and the time that took with decoding their files. */
  size_t encoded() const { return encoded_; }
  size_t encodedUs() const { return encodedUs_; }

 private:
  void encodeFileOf(const MediaPrompt& prompt, size_t span);
  void encodeInto(Encoding& encoding, const mtmd_input_chunk* chunk, size_t tokens);
  std::shared_ptr<Encoding> waiting(llama_token content);
  void end(const std::shared_ptr<Encoding>& encoding);

  const std::shared_ptr<Projector> projector_;
  const size_t valuesPerToken_;
  const EncoderHooks hooks_;
  std::atomic<size_t> encoded_{0}, encodedUs_{0};
  std::mutex mutex_;
  /** By content. Expired = its request went away before it was begun, or it is forgotten. */
  std::unordered_map<llama_token, std::weak_ptr<Encoding>> known_;
  std::list<std::shared_ptr<Encoding>> remembered_;  // the one used last first
  size_t rememberedBytes_ = 0;
  std::unique_ptr<Worker> worker_;
};

}  // namespace llmlb
