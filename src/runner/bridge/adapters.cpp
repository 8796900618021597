#include "adapters.h"

#include "bridge-log.h"
#include "failure.h"

namespace llmlb {

std::vector<llama_adapter_lora*> loadAdapters(llama_model* model, const std::vector<std::string>& paths) {
  std::vector<llama_adapter_lora*> adapters;
  for (const std::string& path : paths) {
    llama_adapter_lora* adapter = llama_adapter_lora_init(model, path.c_str());
    if (adapter == nullptr) {
      const std::string reason = takeLogErrors();
      throw Failure("load_failed", "its LoRA adapter cannot be used" + (reason.empty() ? "" : ": " + reason));
    }
    adapters.push_back(adapter);
  }
  return adapters;
}

void applyAdapters(llama_context* context, const std::vector<llama_adapter_lora*>& adapters) {
  if (adapters.empty()) return;
  std::vector<llama_adapter_lora*> all = adapters;
  std::vector<float> scales(all.size(), 1.0F);
  if (llama_set_adapters_lora(context, all.data(), all.size(), scales.data()) != 0) {
    throw Failure("load_failed", "its LoRA adapter cannot be applied: " + takeLogErrors());
  }
}

}  // namespace llmlb
