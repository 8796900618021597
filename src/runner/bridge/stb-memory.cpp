#include "stb-memory.h"

#include <cstdlib>

namespace llmlb {
namespace {

thread_local size_t bufferBytesMax = 0;

}  // namespace

void limitPictureBuffers(size_t bytesMax) { bufferBytesMax = bytesMax; }

void* pictureBuffer(size_t bytes) { return bytes > bufferBytesMax ? nullptr : std::malloc(bytes); }

void* resizedPictureBuffer(void* buffer, size_t bytes) { return bytes > bufferBytesMax ? nullptr : std::realloc(buffer, bytes); }

void freePictureBuffer(void* buffer) { std::free(buffer); }

}  // namespace llmlb
