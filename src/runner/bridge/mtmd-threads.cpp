// Takes the place of mtmd.cpp in the build: the number of threads is a field of a struct that only that file knows.
#include "mtmd-threads.h"

#include "mtmd.cpp"

namespace llmlb {

void setEncodingThreads(mtmd_context* context, int threads) { context->n_threads = threads; }

}  // namespace llmlb
