#include "estimate.h"

#include <fit.h>
#include <llama-ext.h>

#include <algorithm>
#include <memory>

#include "bridge-log.h"
#include "context-params.h"
#include "failure.h"

namespace llmlb {
namespace {

// A reduced context is a multiple of this, as in llama.cpp's own fit.
constexpr int kContextStep = 256;

using Parts = std::vector<DeviceMemory>;

/** llama.cpp's fit puts a log of its own in place, which must never outlive it. */
struct KeepLog {
  KeepLog() { llama_log_get(&callback, &data); }
  KeepLog(const KeepLog&) = delete;
  ~KeepLog() { llama_log_set(callback, data); }
  ggml_log_callback callback = nullptr;
  void* data = nullptr;
};

[[noreturn]] void fail(const std::string& otherwise) {
  const std::string reason = takeLogErrors();
  throw Failure("load_failed", reason.empty() ? otherwise : reason);
}

std::shared_ptr<llama_model> openWithoutMemory(const EstimateRequest& request, const LayerPlan& plan) {
  llama_model_params params = modelParams(plan, request.gpus);
  params.no_alloc = true;
  params.load_mode = LLAMA_LOAD_MODE_NONE;
  llama_model* model = llama_model_load_from_file(request.path.c_str(), params);
  if (model == nullptr) fail("llama.cpp could not open the model");
  return {model, llama_model_free};
}

DeviceMemory describe(ggml_backend_dev_t device, const std::string& name) {
  DeviceMemory part;
  part.device = name;
  if (device != nullptr) ggml_backend_dev_memory(device, &part.free, &part.total);
  return part;
}

/** As `info` of the bridge counts: what lies in no GPU of the model is the host's, repacked weights too. */
Parts measure(llama_model* model, const EstimateRequest& request, int contextTokens) {
  LoopOptions loop = request.loop;
  loop.contextTokens = contextTokens;
  const llama_context_ptr context(llama_init_from_model(model, contextParams(loop)));
  if (!context) fail("llama.cpp could not make the context");
  Parts parts;
  std::vector<ggml_backend_dev_t> devices;
  for (int i = 0; i < llama_model_n_devices(model); i++) {
    devices.push_back(llama_model_get_device(model, i));
    parts.push_back(describe(devices.back(), ggml_backend_dev_name(devices.back())));
  }
  parts.push_back(describe(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU), "host"));
  for (const auto& [device, bytes] : request.projector) {
    const auto found = std::find(devices.begin(), devices.end(), device);
    parts[static_cast<size_t>(found - devices.begin())].weights += bytes;
  }
  for (const auto& [bufferType, bytes] : llama_get_memory_breakdown(context.get())) {
    const auto found = ggml_backend_buft_is_host(bufferType)
                           ? devices.end()
                           : std::find(devices.begin(), devices.end(), ggml_backend_buft_get_device(bufferType));
    DeviceMemory& part = parts[static_cast<size_t>(found - devices.begin())];
    part.weights += bytes.model;
    part.context += bytes.context;
    part.compute += bytes.compute;
  }
  return parts;
}

bool fitsOnGpus(const Parts& parts, size_t margin) {
  return std::all_of(parts.begin(), parts.end() - 1, [margin](const DeviceMemory& gpu) { return gpu.used() + margin <= gpu.free; });
}

/** Bytes that may be used on all GPUs together; several GPUs waste about half a layer each, as llama.cpp assumes. */
double roomOnGpus(const Parts& full, const EstimateRequest& request, const llama_model* model) {
  const auto gpus = static_cast<double>(full.size() - 1);
  double room = 0, weights = 0;
  for (size_t i = 0; i + 1 < full.size(); i++) {
    room += static_cast<double>(full[i].free) - static_cast<double>(request.marginBytes);
    weights += static_cast<double>(full[i].weights);
  }
  if (gpus > 1) room -= (gpus + 1) * weights / layersOf(model) / (llama_model_n_expert(model) == 0 ? 2 : 6);
  return room;
}

double usedOnGpus(const Parts& parts) {
  double used = 0;
  for (size_t i = 0; i + 1 < parts.size(); i++) used += static_cast<double>(parts[i].used());
  return used;
}

/** The largest context between the smallest allowed and `most` with which every layer should fit, else the smallest. */
int reducedContext(llama_model* model, const EstimateRequest& request, const Parts& full, int most) {
  const int least = std::clamp(request.contextTokensMin, 1, most);
  if (least == most) return most;
  const double usedAtMost = usedOnGpus(full);
  const double usedAtLeast = usedOnGpus(measure(model, request, least));
  const double room = roomOnGpus(full, request, model) - usedAtLeast;
  if (room <= 0 || usedAtMost <= usedAtLeast) return least;
  const int context = least + static_cast<int>((most - least) * std::min(1.0, room / (usedAtMost - usedAtLeast)));
  return std::max(least, context - context % kContextStep);
}

/** Moves layers and experts to the host until the rest fits; `false` when llama.cpp finds no way. */
bool fitLayers(const EstimateRequest& request, Estimate& estimate) {
  const KeepLog log;
  LoopOptions loop = request.loop;
  loop.contextTokens = estimate.contextTokens;
  llama_model_params model = modelParams({}, request.gpus);
  llama_context_params context = contextParams(loop);
  estimate.plan.tensorSplit.assign(llama_max_devices(), 0.0F);
  estimate.plan.overrides.assign(llama_max_tensor_buft_overrides(), {nullptr, nullptr});
  std::vector<size_t> margins(llama_max_devices(), request.marginBytes);
  for (const auto& [device, bytes] : request.projector) {
    const auto gpu = std::find_if(estimate.full.begin(), estimate.full.end() - 1,
                                  [device](const DeviceMemory& part) { return part.device == ggml_backend_dev_name(device); });
    if (gpu != estimate.full.end() - 1) margins[static_cast<size_t>(gpu - estimate.full.begin())] += bytes;
  }
  const auto status = common_fit_params(request.path.c_str(), &model, &context, estimate.plan.tensorSplit.data(),
                                        estimate.plan.overrides.data(), margins.data(), 0, nullptr, GGML_LOG_LEVEL_ERROR);
  if (status == COMMON_PARAMS_FIT_STATUS_ERROR) fail("llama.cpp could not fit the model");
  estimate.plan.gpuLayers = model.n_gpu_layers;
  if (model.tensor_split == nullptr) estimate.plan.tensorSplit.clear();
  if (model.tensor_buft_overrides == nullptr) estimate.plan.overrides.clear();
  return status == COMMON_PARAMS_FIT_STATUS_SUCCESS;
}

/** Finds the plan for a model that does not fit as a whole. */
void fitPlan(std::shared_ptr<llama_model>& model, const EstimateRequest& request, Estimate& estimate) {
  estimate.contextTokens = reducedContext(model.get(), request, estimate.fitted, estimate.contextTokens);
  estimate.fitted = measure(model.get(), request, estimate.contextTokens);
  if (fitsOnGpus(estimate.fitted, request.marginBytes) || request.gpuLayers >= 0) return;
  const bool experts = llama_model_n_expert(model.get()) > 0;
  model.reset();
  fitLayers(request, estimate);
  model = openWithoutMemory(request, estimate.plan);
  estimate.fitted = measure(model.get(), request, estimate.contextTokens);
  const auto& overrides = estimate.plan.overrides;
  estimate.expertsOnCpu = experts && !overrides.empty() && overrides.front().pattern != nullptr;
}

}  // namespace

Estimate estimateMemory(EstimateRequest request) {
  request.projector = projectorMemory(request.projectorPath, request.gpus);
  Estimate estimate;
  auto model = openWithoutMemory(request, estimate.plan);
  const int trained = llama_model_n_ctx_train(model.get());
  estimate.contextTokens = trained > 0 ? std::min(request.loop.contextTokens, trained) : request.loop.contextTokens;
  estimate.totalLayers = layersOf(model.get());
  estimate.full = estimate.fitted = measure(model.get(), request, estimate.contextTokens);
  if (request.gpuLayers >= 0 && estimate.full.size() > 1) {
    estimate.plan.gpuLayers = request.gpuLayers;
    model = openWithoutMemory(request, estimate.plan);
    estimate.fitted = measure(model.get(), request, estimate.contextTokens);
  }
  if (!fitsOnGpus(estimate.fitted, request.marginBytes)) fitPlan(model, request, estimate);
  estimate.gpuLayers = layersOnGpus(model.get(), estimate.plan.gpuLayers);
  estimate.fits = fitsOnGpus(estimate.fitted, 0);
  return estimate;
}

}  // namespace llmlb
