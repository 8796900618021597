#pragma once
#include <napi.h>

#include "outbox.h"

namespace llmlb {

/**
 * Appends to `messages` what a delivery says, in the shapes of RunnerMessage (src/runner/protocol.ts): `events`,
 * `embedded` or `error`. On the JavaScript thread; parses the text of an answer here, beside the decode loop.
 */
void appendMessages(Napi::Env env, Napi::Array messages, Delivery& delivery);

}  // namespace llmlb
