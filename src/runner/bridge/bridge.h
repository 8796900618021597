#pragma once
#include <napi.h>

namespace llmlb {

/** The class Bridge of src/runner/native-bridge.ts. */
Napi::Function defineBridge(Napi::Env env);

}  // namespace llmlb
