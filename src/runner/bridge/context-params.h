#pragma once
#include <llama.h>

namespace llmlb {

struct LoopOptions;

/** The context that the decode loop works in. Throws Failure `invalid_argument` for a KV cache type that does not exist. */
llama_context_params contextParams(const LoopOptions& options);

}  // namespace llmlb
