#include <algorithm>

#include "decode-loop.h"
#include "media-batch.h"

namespace llmlb {
namespace {

/** Lets a picture's cells see each other in both directions, as some models were trained (Gemma 3). */
class Attention {
 public:
  Attention(llama_context* context, bool causal) : context_(context), causal_(causal) {
    if (!causal_) llama_set_causal_attn(context_, false);
  }
  Attention(const Attention&) = delete;
  ~Attention() {
    if (!causal_) llama_set_causal_attn(context_, true);
  }

 private:
  llama_context* context_;
  bool causal_;
};

}  // namespace

/**
 * Two pools of threads that both want every core make each other wait for most of their time (decision record 006). So the encoder
 * takes all threads only where no answer runs, and the steps have what it leaves.
 */
EncoderHooks DecodeLoop::encoderHooks() {
  const auto begin = [this] {
    const int all = wantedThreads_;
    encoderThreads_ = answersRunning_ > 0 ? std::max(1, all / 2) : all;
    return encoderThreads_.load();
  };
  return {begin, [this] { encoderThreads_ = 0; }, [this] { wake(); }};
}

/** All that the slot will need, so that one is encoded while another is evaluated. */
void DecodeLoop::beginEncoding(Slot& slot) {
  const auto& media = slot.request->prompt.media();
  slot.encodings.resize(media.size());
  for (size_t i = 0; i < media.size(); i++) {
    if (media[i].begin >= slot.state.tokens().size()) slot.encodings[i] = encoder_->encode(slot.request->media, i);
  }
}

/** True = some request ended because of its media, so there is a slot for another. */
bool DecodeLoop::endFailedMedia() {
  bool ended = false;
  for (Slot& slot : slots_) {
    const Encoding* encoding = slot.nextEncoding();
    if (encoding == nullptr || !encoding->done || !encoding->failure) continue;
    outbox_->fail(slot.request, *encoding->failure);
    finished_++;
    release(slot);
    ended = true;
  }
  return ended;
}

/** The oldest slot that goes on with media whose encoding is done. */
Slot* DecodeLoop::slotWithMedia() {
  Slot* oldest = nullptr;
  for (Slot& slot : slots_) {
    const Encoding* encoding = slot.nextEncoding();
    if (encoding == nullptr || !encoding->done) continue;
    if (oldest == nullptr || slot.started < oldest->started) oldest = &slot;
  }
  return oldest;
}

/** Cells for this step. Those that see each other both ways have to come at once, as far as llama.cpp takes them. */
size_t DecodeLoop::mediaPiece(const Slot& slot, const MediaSpan& span, bool causal) const {
  const size_t left = span.end() - slot.state.tokens().size();
  const auto answers = static_cast<size_t>(std::count_if(slots_.begin(), slots_.end(), [this](const Slot& other) {
    return !other.idle() && other.generating && !paused(other);
  }));
  if (!causal) return std::min<size_t>(left, llama_n_ubatch(context_.get()));
  const size_t room = std::min<size_t>(left, llama_n_batch(context_.get()));
  return answers == 0 ? room : std::min(room, promptPiece(answers, 1));
}

/** Evaluates a piece of one slot's media, in a step of its own: a batch holds tokens or embeddings. False = there was none. */
bool DecodeLoop::decodeMedia() {
  Slot* slot = slotWithMedia();
  if (slot == nullptr) return false;
  const TokenList& prompt = slot->request->prompt;
  const MediaSpan& span = *slot->nextMedia();
  const auto index = static_cast<size_t>(&span - prompt.media().data());
  const mtmd_context* projector = encoder_->projector().context();
  const mtmd_input_chunk* chunk = slot->request->media->outlineOf(index);
  const bool causal = !mtmd_decode_use_non_causal(projector, chunk);
  const size_t from = slot->state.tokens().size();
  if (from == span.begin) slot->state.checkpointIfDue(prompt);
  const size_t count = mediaPiece(*slot, span, causal);
  const bool endsPrompt = from + count == prompt.size();
  const MediaBatch batch({chunk, slot->encodings[index]->embeddings.data(), from - span.begin, count, prompt.positionOf(span.begin),
                          slot->state.sequence(), endsPrompt},
                         static_cast<size_t>(llama_model_n_embd_inp(llama_get_model(context_.get()))), mtmd_decode_use_mrope(projector));
  {
    const Attention attention(context_.get(), causal);
    if (!decode(batch.value(), count)) return true;
  }
  slot->state.follow(prompt, count);
  if (from + count == span.end()) slot->encodings[index] = nullptr;
  if (!endsPrompt) return true;
  slot->batchIndex = static_cast<int>(count) - 1;
  advance(*slot);
  return true;
}

}  // namespace llmlb
