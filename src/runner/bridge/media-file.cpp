#include "media-file.h"

#include <hash/hash.h>
#include <mtmd-helper.h>
#include <stb/stb_image.h>

#include <cstring>
#include <memory>

#include "failure.h"
#include "sound-length.h"
#include "stb-memory.h"

namespace llmlb {
namespace {

// Three bytes a pixel, several times over: as large as a professional camera's picture, and no machine is hurt.
constexpr size_t kPixelsMax = size_t{1} << 26;
// Longer sides than any camera's; a projector scales them down anyway.
constexpr int kSideMax = 65'535;
// A decoder keeps four channels of 16 bits, and doubles the buffer that it unpacks into.
constexpr size_t kBytesPerPixelMax = 16;
constexpr size_t kBytesBesidesPixels = 1 << 20;

// What a byte of a file can stand for at most, well above what encoders reach: a few bytes must not make a decoder fill a gigabyte.
constexpr size_t kPixelsPerByteMax = 8192;

struct Size {
  int width = 0, height = 0;
};

bool beginsWith(const MediaFile& file, const char* magic) {
  const size_t length = std::strlen(magic);
  return file.bytes.size() >= length && std::memcmp(file.bytes.data(), magic, length) == 0;
}

/** stb_image takes almost anything for one of its older formats: only these are let in. */
bool isPicture(const MediaFile& file) {
  return beginsWith(file, "\x89PNG\r\n\x1a\n") || beginsWith(file, "\xff\xd8\xff") || beginsWith(file, "GIF87a") ||
         beginsWith(file, "GIF89a") || beginsWith(file, "BM");
}

[[noreturn]] void refuse(const MediaFile& file, size_t index, const std::string& why) {
  throw Failure("invalid_argument", (file.kind == MediaKind::image ? "image " : "audio ") + std::to_string(index + 1) + " " + why);
}

std::string idOf(const MediaFile& file, size_t index) { return std::to_string(index) + " " + file.hash; }

Size sizeOf(const MediaFile& file, size_t index) {
  if (!isPicture(file)) refuse(file, index, "is no PNG, JPEG, GIF or BMP file");
  limitPictureBuffers(kBytesBesidesPixels);
  Size size;
  int channels = 0;
  const int known = stbi_info_from_memory(file.bytes.data(), static_cast<int>(file.bytes.size()), &size.width, &size.height, &channels);
  if (known == 0 || size.width <= 0 || size.height <= 0) refuse(file, index, "is damaged: its header cannot be read");
  const bool large = size.width > kSideMax || size.height > kSideMax ||
                     static_cast<size_t>(size.width) * static_cast<size_t>(size.height) > kPixelsMax;
  if (large) {
    refuse(file, index, "is too large: " + std::to_string(size.width) + " x " + std::to_string(size.height) + " pixels, at most " +
                             std::to_string(kPixelsMax) + " in all");
  }
  if (file.bytes.size() * kPixelsPerByteMax < static_cast<size_t>(size.width) * static_cast<size_t>(size.height))
    refuse(file, index, "is damaged: it is much too short for its size in pixels");
  return size;
}

mtmd::bitmap decodedPicture(const MediaFile& file, size_t index) {
  const Size size = sizeOf(file, index);
  limitPictureBuffers(static_cast<size_t>(size.width) * static_cast<size_t>(size.height) * kBytesPerPixelMax + kBytesBesidesPixels);
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(file.bytes.data(), static_cast<int>(file.bytes.size()), &width, &height, &channels, 3), stbi_image_free);
  if (!pixels || width != size.width || height != size.height) refuse(file, index, "is damaged: it cannot be decoded");
  return {static_cast<uint32_t>(width), static_cast<uint32_t>(height), pixels.get()};
}

mtmd::bitmap decodedSound(const MediaFile& file, size_t index, const mtmd_context* projector) {
  if (!isReadableSound(file.bytes)) refuse(file, index, "is no WAV, MP3 or FLAC file of at most one hour");
  const auto made = mtmd_helper_bitmap_init_from_buf(projector, file.bytes.data(), file.bytes.size(), false, mtmd_helper_init_opt_default());
  mtmd::bitmap samples(made.bitmap);
  if (!samples.ptr || !mtmd_bitmap_is_audio(samples.ptr.get()) || samples.nx() == 0) refuse(file, index, "is damaged: it cannot be decoded");
  return samples;
}

}  // namespace

MediaFiles identified(std::vector<MediaFile> files) {
  MediaFiles all;
  for (MediaFile& file : files) {
    file.hash = hash_sha256_hex(file.bytes.data(), file.bytes.size());
    all.push_back(std::make_shared<const MediaFile>(std::move(file)));
  }
  return all;
}

mtmd::bitmap outlineOf(const MediaFile& file, size_t index, const mtmd_context* projector) {
  // How many tokens a sound takes is known once it is decoded and resampled.
  if (file.kind == MediaKind::audio) return decoded(file, index, projector);
  const Size size = sizeOf(file, index);
  mtmd::bitmap outline(static_cast<uint32_t>(size.width), static_cast<uint32_t>(size.height), nullptr);
  outline.set_id(idOf(file, index).c_str());
  return outline;
}

mtmd::bitmap decoded(const MediaFile& file, size_t index, const mtmd_context* projector) {
  mtmd::bitmap bitmap = file.kind == MediaKind::audio ? decodedSound(file, index, projector) : decodedPicture(file, index);
  bitmap.set_id(idOf(file, index).c_str());
  return bitmap;
}

}  // namespace llmlb
