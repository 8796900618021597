#pragma once
#include <llama-cpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace llmlb {

/** Which layers and tensors go to which device; llama.cpp's memory fit makes it, or a number of layers alone. */
struct LayerPlan {
  /** Negative = all. */
  int gpuLayers = -1;
  /** Share of the layers for each GPU; empty = by their free memory. */
  std::vector<float> tensorSplit;
  /** Tensors that go elsewhere than their layer, experts first; ends with an empty one. Its patterns are llama.cpp's own static text. */
  std::vector<llama_model_tensor_buft_override> overrides;
};

/** llama.cpp's parameters for `plan`, which they point into. `gpus` = false: devices other than the CPU stay unused. */
llama_model_params modelParams(const LayerPlan& plan, bool gpus);

/**
 * Opens the model file; the weights are memory-mapped where the devices allow it. `tell` gets the share of the tensors read and returns
 * false to give up. Throws Failure `load_failed` with what llama.cpp logged.
 */
std::shared_ptr<llama_model> loadModel(const std::string& path, const LayerPlan& plan, bool gpus,
                                       const std::function<bool(float)>& tell);

/** Layers that a plan puts on GPUs, its output layer counted; 0 where there are none. */
int layersOnGpus(const llama_model* model, int planned);

/** Layers of the model and its output layer. */
int layersOf(const llama_model* model);

}  // namespace llmlb
