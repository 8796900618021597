#pragma once
#include <napi.h>

#include <functional>

#include "failure.h"

namespace llmlb {

/** Makes a job's result, on the JavaScript thread. */
using JobResult = std::function<Napi::Value(Napi::Env)>;
/** Tells `onProgress` a number, from the job's thread; never waits. */
using TellProgress = std::function<void(double)>;

/**
 * Runs `work` on a thread of its own and returns a promise of what it makes. A Failure rejects it with an Error that has
 * a `code`. Jobs run one at a time: llama.cpp's memory fit swaps the one global log while it works.
 */
Napi::Value runJob(Napi::Env env, Napi::Function onProgress, std::function<JobResult(const TellProgress&)> work);

Napi::Error toJavaScriptError(Napi::Env env, const Failure& failure);

}  // namespace llmlb
