#include "devices.h"

#include <ggml-backend.h>
#include <llama.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <mutex>

#include "bridge-log.h"
#include "failure.h"

namespace llmlb {
namespace {

struct KnownBackend {
  const char* name;
  /** As ggml registers it. */
  const char* registered;
};

// Best first.
constexpr KnownBackend kBackends[] = {{"cuda", "CUDA"}, {"vulkan", "Vulkan"}, {"metal", "MTL"}, {"cpu", "CPU"}};

/**
 * The CPU's libraries for x86, best first: the order of ggml's own scores (ggml_backend_cpu_x86_score). ggml opens every one
 * to compare them, which is a tenth of a small model's start; the first that fits is the best here.
 */
constexpr const char* kCpuLibraries[] = {"sapphirerapids", "zen4",     "cooperlake", "icelake",   "cascadelake",
                                         "cannonlake",     "skylakex", "alderlake",  "haswell",   "piledriver",
                                         "ivybridge",      "sandybridge", "sse42",   "x64"};

bool works(const KnownBackend& backend) {
  ggml_backend_reg_t registered = ggml_backend_reg_by_name(backend.registered);
  return registered != nullptr && ggml_backend_reg_dev_count(registered) > 0;
}

std::string libraryOf(const std::string& dir, const std::string& name) {
#if defined(_WIN32)
  const std::string file = "ggml-" + name + ".dll";
#else
  const std::string file = "libggml-" + name + ".so";
#endif
  return (std::filesystem::path(dir) / file).string();
}

bool loadLibrary(const std::string& dir, const std::string& name) {
  const std::string library = libraryOf(dir, name);
  return std::filesystem::exists(library) && ggml_backend_load(library.c_str()) != nullptr;
}

/** Loads what lies in `dir`. A folder whose CPU library has another name (Arm, macOS) is left to ggml. */
void loadAll(const std::string& dir) {
  for (const auto& backend : kBackends) loadLibrary(dir, backend.name);
  const bool cpu = std::any_of(std::begin(kCpuLibraries), std::end(kCpuLibraries),
                               [&dir](const char* name) { return loadLibrary(dir, std::string("cpu-") + name); });
  if (!cpu) ggml_backend_load_all_from_path(dir.c_str());
}

/** Once more, by its name, tells why. */
std::string whyNot(const std::string& dir, const KnownBackend& backend) {
  const std::string logged = takeLogErrors();
  if (ggml_backend_reg_by_name(backend.registered) != nullptr) {
    return logged.empty() ? "it found no device" : "it found no device: " + logged;
  }
  const std::string library = libraryOf(dir, backend.name);
  if (!std::filesystem::exists(library)) return "its library is not installed";
  ggml_backend_load(library.c_str());
  const std::string reason = takeLogErrors();
  return reason.empty() ? "its library cannot be loaded" : reason;
}

const char* kindOf(enum ggml_backend_dev_type type) {
  switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_GPU: return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU: return "igpu";
    case GGML_BACKEND_DEVICE_TYPE_CPU: return "cpu";
    default: return "accelerator";
  }
}

}  // namespace

std::string loadBackends(const std::string& dir, const std::string& wanted) {
  static std::once_flag once;
  std::call_once(once, [&dir] {
    loadAll(dir);
    llama_backend_init();
  });
  for (const auto& backend : kBackends) {
    if (!wanted.empty() && wanted != backend.name) continue;
    if (works(backend)) {
      takeLogErrors();  // why the better ones do not: nobody's reason for a model that fails later
      return backend.name;
    }
    if (!wanted.empty()) throw Failure("load_failed", whyNot(dir, backend));
  }
  throw Failure("load_failed", "no backend works: " + whyNot(dir, {"cpu", "CPU"}));
}

Napi::Array describeDevices(Napi::Env env) {
  auto devices = Napi::Array::New(env);
  for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
    ggml_backend_dev_props props{};
    ggml_backend_dev_get_props(ggml_backend_dev_get(i), &props);
    auto device = Napi::Object::New(env);
    device.Set("name", props.name);
    device.Set("description", props.description);
    device.Set("kind", kindOf(props.type));
    if (props.device_id != nullptr) device.Set("pciBusId", props.device_id);
    device.Set("totalBytes", static_cast<double>(props.memory_total));
    device.Set("freeBytes", static_cast<double>(props.memory_free));
    devices.Set(static_cast<uint32_t>(i), device);
  }
  return devices;
}

}  // namespace llmlb
