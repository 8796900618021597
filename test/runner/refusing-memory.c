// Preloaded into a runner: a machine whose memory has no room for a large buffer.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

enum { largest = 4 << 20 };

int posix_memalign(void **memory, size_t alignment, size_t size) {
  static int (*real)(void **, size_t, size_t);
  if (size > largest) return ENOMEM;
  if (!real) real = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
  return real(memory, alignment, size);
}
