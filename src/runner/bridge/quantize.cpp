#include "quantize.h"

#include <llama.h>

#include <cstdlib>
#include <cstring>

#include "bridge-log.h"
#include "failure.h"

namespace llmlb {
namespace {

// What llama.cpp holds of a tensor at once; its own limit of 8 GiB is for machines that do nothing else.
constexpr size_t kBufferBytes = size_t{256} << 20;

/**
 * llama.cpp has no callback for quantizing, but it begins each tensor's turn with one piece of log:
 * "[   3/  38] blk.0.attn_q.weight - [ 2048,  2048,     1,     1], type = ..."
 */
struct Watch {
  explicit Watch(const std::function<void(double)>& teller) : tell(teller) {
    llama_log_get(&callback, &data);
    llama_log_set(onLog, this);
  }
  Watch(const Watch&) = delete;
  ~Watch() { llama_log_set(callback, data); }

  static void onLog(ggml_log_level level, const char* text, void* self) {
    auto& watch = *static_cast<Watch*>(self);
    if (const double weights = weightsIn(text); weights > 0) {
      watch.tell(watch.done);
      watch.done += weights;
    }
    watch.callback(level, text, watch.data);
  }

  /** Weights of the tensor that a line begins with; 0 for any other line. */
  static double weightsIn(const char* text) {
    if (text[0] != '[') return 0;
    const char* shape = std::strstr(text, " - [");
    if (shape == nullptr) return 0;
    double weights = 1;
    const char* at = shape + std::strlen(" - [");
    while (true) {
      char* end = nullptr;
      const long long size = std::strtoll(at, &end, 10);
      if (end == at || size <= 0) return 0;
      weights *= static_cast<double>(size);
      if (*end != ',') return weights;
      at = end + 1;
    }
  }

  const std::function<void(double)>& tell;
  double done = 0;
  ggml_log_callback callback = nullptr;
  void* data = nullptr;
};

}  // namespace

void quantizeModel(const QuantizeRequest& request, const std::function<void(double)>& tell) {
  llama_model_quantize_params params = llama_model_quantize_default_params();
  params.ftype = static_cast<llama_ftype>(request.fileType);
  params.nthread = request.threads;
  params.max_buf_size = kBufferBytes;
  const Watch watch(tell);
  if (llama_model_quantize(request.input.c_str(), request.output.c_str(), &params) == 0) return;
  const std::string reason = takeLogErrors();
  throw Failure("internal", reason.empty() ? "llama.cpp could not quantize the model" : reason);
}

}  // namespace llmlb
