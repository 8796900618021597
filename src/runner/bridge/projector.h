#pragma once
#include <mtmd.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "media-file.h"
#include "token-list.h"

namespace llmlb {

struct ProjectorOptions {
  std::string path;
  /** What stands for a file in a rendered prompt; nobody else can know it. */
  std::string marker;
  bool gpus = false;
  int threads = 1;
};

/** A prompt with pictures or sounds in it. What is said about their spans is in the order of `tokens.media()`. */
struct MediaPrompt {
  std::string text;
  MediaFiles files;
  TokenList tokens;
  /** Each span's chunk of the tokenized text, and the file that it comes from. */
  std::vector<size_t> chunks, fileOf;
  /** Without pixels; they know where each of their tokens stands. */
  mtmd::input_chunks_ptr outlines;

  const mtmd_input_chunk* outlineOf(size_t span) const { return mtmd_input_chunks_get(outlines.get(), chunks[span]); }
};

using DeviceBytes = std::vector<std::pair<ggml_backend_dev_t, size_t>>;

/** A model's multimodal projector: turns pictures and sounds into what the model takes in place of tokens (llama.cpp's mtmd). */
class Projector {
 public:
  /** Opens the file beside its model. Throws Failure `load_failed` with what is wrong; `tell` returns false to give up. */
  Projector(const ProjectorOptions& options, const llama_model* model, const std::function<bool(float)>& tell);

  bool sees() const { return mtmd_support_vision(context_.get()); }
  bool hears() const { return mtmd_support_audio(context_.get()); }
  mtmd_context* context() const { return context_.get(); }
  /** Weights and the largest compute buffers. */
  size_t memoryBytes() const { return memoryBytes_; }
  /** The part of it that is on a GPU. */
  size_t vramBytes() const { return vramBytes_; }

  /**
   * Tokenizes a rendered prompt, in which each file has its marker; of pictures only the header is read. For one thread.
   * Throws Failure `invalid_argument`.
   */
  std::shared_ptr<const MediaPrompt> tokenize(std::string text, MediaFiles files);

 private:
  llama_token contentNumber(const std::string& content);
  void addSpans(MediaPrompt& prompt);

  mtmd::context_ptr context_;
  size_t memoryBytes_ = 0, vramBytes_ = 0;
  /** Numbers that stand for contents; none is given twice. */
  std::unordered_map<std::string, llama_token> contents_;
  llama_token newest_ = LLAMA_TOKEN_NULL;
};

/** Tokenizes `prompt` once more, with the pixels or samples of file `file`. For any thread. Throws Failure `invalid_argument`. */
mtmd::input_chunks_ptr chunksWith(const Projector& projector, const MediaPrompt& prompt, size_t file);

/** What a projector takes on each device; nothing where there is no file, or none that can be read. */
DeviceBytes projectorMemory(const std::string& path, bool gpus);

}  // namespace llmlb
