// The functions of bridge.node; typed in src/runner/native-bridge.ts.
#include <common.h>
#include <napi.h>

#include <atomic>

#include "bridge-log.h"
#include "bridge.h"
#include "devices.h"
#include "estimate.h"
#include "from-js.h"
#include "js-job.h"
#include "projector.h"
#include "quantize.h"

namespace llmlb {
namespace {

// A fast disk would tell a thousand times a second.
constexpr float kProgressStep = 0.01F;

std::atomic<bool> loadCancelled{false};

using ModelHandle = Napi::External<std::shared_ptr<llama_model>>;
using ProjectorHandle = Napi::External<std::shared_ptr<Projector>>;
using PlanHandle = Napi::External<LayerPlan>;

Napi::Value setLogLevel(const Napi::CallbackInfo& call) {
  installLog(call[0].ToNumber().Int32Value());
  return call.Env().Undefined();
}

Napi::Value takeErrors(const Napi::CallbackInfo& call) { return Napi::String::New(call.Env(), takeLogErrors()); }

Napi::Value mathCores(const Napi::CallbackInfo& call) { return Napi::Number::New(call.Env(), common_cpu_get_num_math()); }

/** loadBackends(dir, wanted): the backend's name; `wanted` is empty for the best one. */
Napi::Value loadBackendsOf(const Napi::CallbackInfo& call) {
  try {
    return Napi::String::New(call.Env(), loadBackends(call[0].ToString().Utf8Value(), call[1].ToString().Utf8Value()));
  } catch (const Failure& failure) {
    throw toJavaScriptError(call.Env(), failure);
  }
}

Napi::Value devices(const Napi::CallbackInfo& call) { return describeDevices(call.Env()); }

LayerPlan planFrom(const Napi::Object& given) {
  if (given.Get("plan").IsExternal()) return *given.Get("plan").As<PlanHandle>().Data();
  LayerPlan plan;
  plan.gpuLayers = given.Get("gpuLayers").ToNumber().Int32Value();
  return plan;
}

JobResult loadedModel(const std::shared_ptr<llama_model>& model, int gpuLayers) {
  return [model, gpuLayers](Napi::Env env) {
    auto result = Napi::Object::New(env);
    result.Set("model", ModelHandle::New(env, new std::shared_ptr<llama_model>(model),
                                         [](Napi::Env, std::shared_ptr<llama_model>* held) { delete held; }));
    result.Set("gpuLayers", gpuLayers);
    return result;
  };
}

/** loadModel(options, onProgress) */
Napi::Value load(const Napi::CallbackInfo& call) {
  const auto given = call[0].As<Napi::Object>();
  const bool gpus = given.Get("gpus").ToBoolean();
  return runJob(call.Env(), call[1].As<Napi::Function>(),
                [path = given.Get("modelPath").ToString().Utf8Value(), plan = planFrom(given), gpus](const TellProgress& tell) {
                  float told = -1;
                  const auto model = loadModel(path, plan, gpus, [&](float share) {
                    if (share >= told + kProgressStep || share >= 1) tell(told = share);
                    return !loadCancelled;
                  });
                  return loadedModel(model, layersOnGpus(model.get(), plan.gpuLayers));
                });
}

/** loadProjector(model, options, onProgress) */
Napi::Value loadProjector(const Napi::CallbackInfo& call) {
  const auto model = *call[0].As<ModelHandle>().Data();
  const auto given = call[1].As<Napi::Object>();
  const auto text = [&given](const char* name) { return given.Get(name).ToString().Utf8Value(); };
  const ProjectorOptions options{text("path"), text("marker"), given.Get("gpus").ToBoolean(), given.Get("threads").ToNumber().Int32Value()};
  return runJob(call.Env(), call[2].As<Napi::Function>(), [model, options](const TellProgress&) -> JobResult {
    const auto projector = std::make_shared<Projector>(options, model.get(), [](float) { return !loadCancelled; });
    return [projector](Napi::Env env) {
      return ProjectorHandle::New(env, new std::shared_ptr<Projector>(projector),
                                  [](Napi::Env, std::shared_ptr<Projector>* held) { delete held; });
    };
  });
}

Napi::Value cancelLoad(const Napi::CallbackInfo& call) {
  loadCancelled = true;
  return call.Env().Undefined();
}

Napi::Array describe(Napi::Env env, const std::vector<DeviceMemory>& parts) {
  auto list = Napi::Array::New(env);
  for (const auto& part : parts) {
    auto one = Napi::Object::New(env);
    one.Set("device", part.device);
    one.Set("weightsBytes", static_cast<double>(part.weights));
    one.Set("contextBytes", static_cast<double>(part.context));
    one.Set("computeBytes", static_cast<double>(part.compute));
    one.Set("freeBytes", static_cast<double>(part.free));
    one.Set("totalBytes", static_cast<double>(part.total));
    list.Set(list.Length(), one);
  }
  return list;
}

Napi::Value describe(Napi::Env env, const Estimate& estimate) {
  auto result = Napi::Object::New(env);
  result.Set("full", describe(env, estimate.full));
  result.Set("fitted", describe(env, estimate.fitted));
  result.Set("fittedContextTokens", estimate.contextTokens);
  result.Set("gpuLayers", estimate.gpuLayers);
  result.Set("totalLayers", estimate.totalLayers);
  result.Set("expertsOnCpu", estimate.expertsOnCpu);
  result.Set("fits", estimate.fits);
  auto both = Napi::Object::New(env);
  both.Set("estimate", result);
  both.Set("plan", PlanHandle::New(env, new LayerPlan(estimate.plan), [](Napi::Env, LayerPlan* held) { delete held; }));
  return both;
}

/** estimate(options) */
Napi::Value estimate(const Napi::CallbackInfo& call) {
  const auto ignore = Napi::Function::New(call.Env(), [](const Napi::CallbackInfo&) {});
  return runJob(call.Env(), ignore, [request = estimateRequestFrom(call[0].As<Napi::Object>())](const TellProgress&) {
    return [made = estimateMemory(request)](Napi::Env env) { return describe(env, made); };
  });
}

/** quantize(options, onProgress) */
Napi::Value quantize(const Napi::CallbackInfo& call) {
  const auto given = call[0].As<Napi::Object>();
  const QuantizeRequest request{given.Get("input").ToString().Utf8Value(), given.Get("output").ToString().Utf8Value(),
                                given.Get("fileType").ToNumber().Int32Value(), given.Get("threads").ToNumber().Int32Value()};
  return runJob(call.Env(), call[1].As<Napi::Function>(), [request](const TellProgress& tell) -> JobResult {
    quantizeModel(request, tell);
    return [](Napi::Env env) { return env.Undefined(); };
  });
}

Napi::Value llamaVersion(const Napi::CallbackInfo& call) { return Napi::String::New(call.Env(), llama_version()); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Bridge", defineBridge(env));
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function));
  };
  add("setLogLevel", setLogLevel);
  add("takeLogErrors", takeErrors);
  add("mathCores", mathCores);
  add("loadBackends", loadBackendsOf);
  add("devices", devices);
  add("loadModel", load);
  add("loadProjector", loadProjector);
  add("cancelLoad", cancelLoad);
  add("estimate", estimate);
  add("quantize", quantize);
  add("llamaVersion", llamaVersion);
  return exports;
}

NODE_API_MODULE(bridge, init)

}  // namespace
}  // namespace llmlb
