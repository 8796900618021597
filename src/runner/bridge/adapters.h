#pragma once
#include <llama.h>

#include <string>
#include <vector>

namespace llmlb {

/** Opens LoRA adapters of `model`, which frees them with itself. Throws Failure `load_failed` with what llama.cpp logged. */
std::vector<llama_adapter_lora*> loadAdapters(llama_model* model, const std::vector<std::string>& paths);

/** Lets every adapter work on what `context` computes, at its own scale. Throws Failure `load_failed`. */
void applyAdapters(llama_context* context, const std::vector<llama_adapter_lora*>& adapters);

}  // namespace llmlb
