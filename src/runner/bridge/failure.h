#pragma once
#include <algorithm>
#include <stdexcept>
#include <string>

namespace llmlb {

/** llama.cpp's messages may have several lines; people get one. */
inline std::string oneLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/** Why a request cannot be served; `code` is one of src/core/errors.ts. */
struct Failure : std::runtime_error {
  Failure(std::string failureCode, const std::string& message)
      : std::runtime_error(oneLine(message)), code(std::move(failureCode)) {}
  std::string code;
};

}  // namespace llmlb
