#pragma once
// Included before stb_image: every buffer of a picture that is being decoded comes from here, so that a small file cannot unpack into
// gigabytes. Plain C names, since stb_image is C.
#include <cstddef>

namespace llmlb {

/** What one buffer of a picture may take on this thread from now on. */
void limitPictureBuffers(size_t bytesMax);
void* pictureBuffer(size_t bytes);
void* resizedPictureBuffer(void* buffer, size_t bytes);
void freePictureBuffer(void* buffer);

}  // namespace llmlb

#define STBI_MALLOC(bytes) llmlb::pictureBuffer(bytes)
#define STBI_REALLOC(buffer, bytes) llmlb::resizedPictureBuffer(buffer, bytes)
#define STBI_FREE(buffer) llmlb::freePictureBuffer(buffer)
