#pragma once
#include <napi.h>

#include <string>

namespace llmlb {

/**
 * Loads the backends that lie in `dir` and returns the name of the best one with a device: `cuda`, `vulkan`, `metal` or
 * `cpu`. With `wanted` that one must work. Throws Failure `load_failed` with the reason otherwise. Idempotent.
 */
std::string loadBackends(const std::string& dir, const std::string& wanted);

/** Every device of the loaded backends, as DeviceInfo[] (src/runner/protocol.ts). */
Napi::Array describeDevices(Napi::Env env);

}  // namespace llmlb
