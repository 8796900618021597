#pragma once

struct mtmd_context;

namespace llmlb {

/** How many threads encode from the next picture or sound on; mtmd itself knows one number for good. */
void setEncodingThreads(mtmd_context* context, int threads);

}  // namespace llmlb
