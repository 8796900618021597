#pragma once
#include <functional>
#include <string>

namespace llmlb {

struct QuantizeRequest {
  std::string input, output;
  /** A number of llama.cpp's llama_ftype. */
  int fileType = 0;
  int threads = 1;
};

/**
 * Writes `input` with its tensors in another type, with llama.cpp's llama_model_quantize. `tell` gets the number of weights whose
 * turn is over each time that a tensor's turn begins. It cannot be interrupted: whoever gives up ends the process. Throws Failure.
 */
void quantizeModel(const QuantizeRequest& request, const std::function<void(double)>& tell);

}  // namespace llmlb
