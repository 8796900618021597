#include "model-loader.h"

#include <llama-ext.h>

#include <algorithm>

#include "bridge-log.h"
#include "failure.h"

namespace llmlb {
namespace {

bool hasGpu(const llama_model* model) {
  for (int i = 0; i < llama_model_n_devices(model); i++) {
    const auto type = ggml_backend_dev_type(llama_model_get_device(model, i));
    if (type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU) return true;
  }
  return false;
}

}  // namespace

llama_model_params modelParams(const LayerPlan& plan, bool gpus) {
  static ggml_backend_dev_t none[] = {nullptr};
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = plan.gpuLayers;
  if (!plan.tensorSplit.empty()) params.tensor_split = plan.tensorSplit.data();
  if (!plan.overrides.empty()) params.tensor_buft_overrides = plan.overrides.data();
  if (!gpus) params.devices = none;
  return params;
}

std::shared_ptr<llama_model> loadModel(const std::string& path, const LayerPlan& plan, bool gpus,
                                       const std::function<bool(float)>& tell) {
  llama_model_params params = modelParams(plan, gpus);
  params.progress_callback = [](float share, void* self) { return (*static_cast<const std::function<bool(float)>*>(self))(share); };
  params.progress_callback_user_data = const_cast<std::function<bool(float)>*>(&tell);
  llama_model* model = llama_model_load_from_file(path.c_str(), params);
  if (model == nullptr) {
    const std::string reason = takeLogErrors();
    throw Failure("load_failed", reason.empty() ? "llama.cpp could not open the model" : reason);
  }
  return {model, llama_model_free};
}

int layersOf(const llama_model* model) { return llama_model_n_layer(model) + 1; }

int layersOnGpus(const llama_model* model, int planned) {
  if (!hasGpu(model)) return 0;
  return planned < 0 ? layersOf(model) : std::min(planned, layersOf(model));
}

}  // namespace llmlb
