#pragma once
#include <string>
#include <vector>

#include "decode-loop.h"
#include "model-loader.h"
#include "projector.h"

namespace llmlb {

/** See MemoryParts in src/runner/protocol.ts. */
struct DeviceMemory {
  std::string device;
  size_t weights = 0, context = 0, compute = 0, free = 0, total = 0;

  size_t used() const { return weights + context + compute; }
};

struct EstimateRequest {
  std::string path;
  /** Empty = there is none. */
  std::string projectorPath;
  /** The context that is asked for; as the decode loop would get it. */
  LoopOptions loop;
  int contextTokensMin = 0;
  /** Negative = as many as fit. */
  int gpuLayers = -1;
  bool gpus = true;
  size_t marginBytes = 0;
  /** What the projector takes; whoever estimates fills it in. */
  DeviceBytes projector;
};

/** See MemoryEstimate in src/runner/protocol.ts. The host is the last device. */
struct Estimate {
  std::vector<DeviceMemory> full, fitted;
  LayerPlan plan;
  int contextTokens = 0, gpuLayers = 0, totalLayers = 0;
  bool expertsOnCpu = false, fits = true;
};

/**
 * What loading would take, from the file's header alone: the model and its context are made without their memory. What
 * does not fit on the GPUs gets a smaller context first, as far as allowed, then fewer layers there; of a mixture of
 * experts the experts go first (llama.cpp's common_fit_params). Throws Failure like a load.
 */
Estimate estimateMemory(EstimateRequest request);

}  // namespace llmlb
