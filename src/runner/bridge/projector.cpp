#include "projector.h"

#include "bridge-log.h"
#include "failure.h"

namespace llmlb {
namespace {

// Each is a hash and a number; what is forgotten is evaluated again.
constexpr size_t kContentsMax = 10'000;

bool isGpu(ggml_backend_dev_t device) {
  const auto type = ggml_backend_dev_type(device);
  return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

mtmd_context_params paramsFor(const ProjectorOptions& options) {
  mtmd_context_params params = mtmd_context_params_default();
  params.use_gpu = options.gpus;
  params.n_threads = options.threads;
  params.media_marker = options.marker.c_str();
  params.print_timings = false;
  params.warmup = false;  // the first picture does what a trial run would
  return params;
}

/** Of mtmd's account of what is wrong with a file, what people need to know. */
std::string reasonOf(const std::string& account) {
  static const std::string kMark = "error: ";
  const size_t at = account.rfind(kMark);
  const std::string reason = at == std::string::npos ? account : account.substr(at + kMark.size());
  return reason.empty() || reason.starts_with("Failed to load CLIP model") ? "its file is none" : reason;
}

mtmd::input_chunks_ptr tokenized(const Projector& projector, const std::string& text, const std::vector<mtmd::bitmap>& bitmaps) {
  std::vector<const mtmd_bitmap*> pointers;
  for (const auto& bitmap : bitmaps) pointers.push_back(bitmap.ptr.get());
  mtmd::input_chunks_ptr chunks(mtmd_input_chunks_init());
  const mtmd_input_text input{text.data(), text.size(), true, true};
  if (mtmd_tokenize(projector.context(), chunks.get(), &input, pointers.data(), pointers.size()) == 0) return chunks;
  const std::string reason = takeLogErrors();
  const bool markers = reason.find("media markers") != std::string::npos;
  throw Failure("invalid_argument", markers ? "the model's chat template leaves out images or audio of this chat"
                                            : "the images or audio of this request cannot be used: " + reason);
}

}  // namespace

Projector::Projector(const ProjectorOptions& options, const llama_model* model, const std::function<bool(float)>& tell) {
  mtmd_context_params params = paramsFor(options);
  params.progress_callback = [](float share, void* told) { return (*static_cast<const std::function<bool(float)>*>(told))(share); };
  params.progress_callback_user_data = const_cast<std::function<bool(float)>*>(&tell);
  for (const auto& [device, bytes] : projectorMemory(options.path, options.gpus)) {
    memoryBytes_ += bytes;
    if (isGpu(device)) vramBytes_ += bytes;
  }
  takeLogErrors();  // what was wrong with measuring is wrong with opening too, once is enough
  context_.reset(mtmd_init_from_file(options.path.c_str(), model, params));
  if (context_) return;
  throw Failure("load_failed", "its multimodal projector cannot be used: " + reasonOf(takeLogErrors()));
}

std::shared_ptr<const MediaPrompt> Projector::tokenize(std::string text, MediaFiles files) {
  auto prompt = std::make_shared<MediaPrompt>();
  std::vector<mtmd::bitmap> outlines;
  for (size_t i = 0; i < files.size(); i++) outlines.push_back(outlineOf(*files[i], i, context_.get()));
  prompt->text = std::move(text);
  prompt->files = std::move(files);
  prompt->outlines = tokenized(*this, prompt->text, outlines);
  addSpans(*prompt);
  return prompt;
}

void Projector::addSpans(MediaPrompt& prompt) {
  std::vector<size_t> tiles(prompt.files.size(), 0);
  for (size_t i = 0; i < mtmd_input_chunks_size(prompt.outlines.get()); i++) {
    const mtmd_input_chunk* chunk = mtmd_input_chunks_get(prompt.outlines.get(), i);
    if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
      size_t count = 0;
      const llama_token* tokens = mtmd_input_chunk_get_tokens_text(chunk, &count);
      for (size_t at = 0; at < count; at++) prompt.tokens.push(tokens[at]);
      continue;
    }
    const size_t file = std::stoul(mtmd_input_chunk_get_id(chunk));
    const size_t count = mtmd_input_chunk_get_n_tokens(chunk);
    const llama_pos positions = mtmd_input_chunk_get_n_pos(chunk);
    const std::string shape = std::to_string(tiles[file]++) + " " + std::to_string(count) + " " + std::to_string(positions);
    prompt.tokens.pushMedia(contentNumber(prompt.files[file]->hash + " " + shape), count, positions);
    prompt.chunks.push_back(i);
    prompt.fileOf.push_back(file);
  }
}

llama_token Projector::contentNumber(const std::string& content) {
  if (contents_.size() >= kContentsMax && !contents_.contains(content)) contents_.clear();
  const auto [known, added] = contents_.try_emplace(content, newest_ - 1);
  if (added) newest_--;
  return known->second;
}

mtmd::input_chunks_ptr chunksWith(const Projector& projector, const MediaPrompt& prompt, size_t file) {
  std::vector<mtmd::bitmap> bitmaps;
  for (size_t i = 0; i < prompt.files.size(); i++) {
    bitmaps.push_back(i == file ? decoded(*prompt.files[i], i, projector.context()) : outlineOf(*prompt.files[i], i, projector.context()));
  }
  return tokenized(projector, prompt.text, bitmaps);
}

DeviceBytes projectorMemory(const std::string& path, bool gpus) {
  if (path.empty()) return {};
  const ProjectorOptions options{path, mtmd_default_marker(), gpus, 1};
  mtmd_context_params params = paramsFor(options);
  params.warmup = true;  // without memory it only measures the largest picture's buffers
  const auto usage = mtmd_get_memory_usage(path.c_str(), params);
  return {usage.begin(), usage.end()};
}

}  // namespace llmlb
