#include "media-encoder.h"

#include <llama.h>

#include <algorithm>

#include "bridge-log.h"
#include "mtmd-threads.h"

namespace llmlb {
namespace {

// A picture takes 1 to 10 MB: enough for those of the conversations that are going on.
constexpr size_t kRememberedBytesMax = 128 << 20;

}  // namespace

MediaEncoder::MediaEncoder(std::shared_ptr<Projector> projector, size_t valuesPerToken, EncoderHooks hooks)
    : projector_(std::move(projector)),
      valuesPerToken_(valuesPerToken),
      hooks_(std::move(hooks)),
      worker_(std::make_unique<Worker>()) {}

std::shared_ptr<const Encoding> MediaEncoder::encode(const std::shared_ptr<const MediaPrompt>& prompt, size_t span) {
  const llama_token content = prompt->tokens[prompt->tokens.media()[span].begin];
  std::shared_ptr<Encoding> encoding;
  {
    std::lock_guard lock(mutex_);
    auto& known = known_[content];
    encoding = known.lock();
    if (encoding) {
      const auto used = std::find_if(remembered_.begin(), remembered_.end(), [&](const auto& one) { return one == encoding; });
      if (used != remembered_.end()) remembered_.splice(remembered_.begin(), remembered_, used);
      return encoding;
    }
    encoding = std::make_shared<Encoding>();
    known = encoding;
  }
  worker_->post([this, prompt, span] { encodeFileOf(*prompt, span); });
  return encoding;
}

/** Somebody still waits for it, and it is not done. */
std::shared_ptr<Encoding> MediaEncoder::waiting(llama_token content) {
  std::lock_guard lock(mutex_);
  const auto known = known_.find(content);
  auto encoding = known == known_.end() ? nullptr : known->second.lock();
  if (!encoding && known != known_.end()) known_.erase(known);
  return encoding && !encoding->done ? encoding : nullptr;
}

/** Decoding a file costs, so every tile of it that somebody waits for is encoded at once. */
void MediaEncoder::encodeFileOf(const MediaPrompt& prompt, size_t span) {
  const auto contentOf = [&prompt](size_t at) { return prompt.tokens[prompt.tokens.media()[at].begin]; };
  if (!waiting(contentOf(span))) return;
  const size_t file = prompt.fileOf[span];
  const int64_t before = llama_time_us();
  std::optional<Failure> failure;
  mtmd::input_chunks_ptr chunks;
  try {
    chunks = chunksWith(*projector_, prompt, file);
  } catch (const Failure& thrown) {
    failure = thrown;
  } catch (const std::exception& thrown) {
    failure = Failure("internal", std::string("a picture or sound cannot be decoded: ") + thrown.what());
  }
  for (size_t at = span; at < prompt.fileOf.size(); at++) {
    if (prompt.fileOf[at] != file) continue;
    const auto encoding = waiting(contentOf(at));
    if (!encoding) continue;
    if (failure) encoding->failure = failure;
    else encodeInto(*encoding, mtmd_input_chunks_get(chunks.get(), prompt.chunks[at]), prompt.tokens.media()[at].tokens);
    end(encoding);
  }
  encodedUs_ += static_cast<size_t>(llama_time_us() - before);
}

void MediaEncoder::encodeInto(Encoding& encoding, const mtmd_input_chunk* chunk, size_t tokens) {
  setEncodingThreads(projector_->context(), hooks_.begin());
  const int status = mtmd_encode_chunk(projector_->context(), chunk);
  hooks_.end();
  if (status != 0) {
    const std::string reason = takeLogErrors();
    encoding.failure = Failure("internal", "llama.cpp could not encode a picture or sound" + (reason.empty() ? "" : ": " + reason));
    return;
  }
  const float* first = mtmd_get_output_embd(projector_->context());
  try {
    encoding.embeddings.assign(first, first + tokens * valuesPerToken_);
    encoded_++;
  } catch (const std::bad_alloc&) {
    encoding.failure = Failure("internal", "there is not enough memory for a picture or sound");
  }
}

void MediaEncoder::end(const std::shared_ptr<Encoding>& encoding) {
  {
    std::lock_guard lock(mutex_);
    const size_t bytes = encoding->embeddings.size() * sizeof(float);
    if (!encoding->failure && bytes <= kRememberedBytesMax) {
      remembered_.push_front(encoding);
      rememberedBytes_ += bytes;
    }
    while (rememberedBytes_ > kRememberedBytesMax) {
      rememberedBytes_ -= remembered_.back()->embeddings.size() * sizeof(float);
      remembered_.pop_back();
    }
    std::erase_if(known_, [](const auto& known) { return known.second.expired(); });
    encoding->done = true;
  }
  hooks_.done();
}

}  // namespace llmlb
