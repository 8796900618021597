#include "sound-length.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace llmlb {
namespace {

// The decoder makes room for every sample that a header claims before it reads the first one; at 16 kHz an hour takes 230 MB.
constexpr uint64_t kSecondsMax = 3600;
// The shortest frames of an MP3 unpack to a hundred times their size.
constexpr size_t kMp3BytesMax = 10 << 20;
// Whose length follows from their size: PCM, floating point, A-law, mu-law, and the first two in their newer wrapping.
constexpr uint32_t kWavFormats[] = {1, 3, 6, 7, 0xFFFE};

bool beginsWith(const std::vector<uint8_t>& file, size_t at, const char* magic) {
  return file.size() >= at + 4 && std::memcmp(file.data() + at, magic, std::strlen(magic)) == 0;
}

uint32_t littleEndian(const std::vector<uint8_t>& file, size_t at) {
  return static_cast<uint32_t>(file[at]) | static_cast<uint32_t>(file[at + 1]) << 8 | static_cast<uint32_t>(file[at + 2]) << 16 |
         static_cast<uint32_t>(file[at + 3]) << 24;
}

uint32_t shortAt(const std::vector<uint8_t>& file, size_t at) { return static_cast<uint32_t>(file[at]) | static_cast<uint32_t>(file[at + 1]) << 8; }

/** Bytes of a second of sound; 0 where this cannot be told. */
uint64_t bytesPerSecond(const std::vector<uint8_t>& file, size_t format) {
  const bool known = std::find(std::begin(kWavFormats), std::end(kWavFormats), shortAt(file, format)) != std::end(kWavFormats);
  const uint64_t frame = shortAt(file, format + 2) * shortAt(file, format + 14) / 8;
  return known ? frame * littleEndian(file, format + 4) : 0;
}

/** The data chunk may not claim more than the file has, nor last too long. */
bool isReadableWav(const std::vector<uint8_t>& file) {
  uint64_t second = 0;
  for (size_t at = 12; at + 8 <= file.size();) {
    const uint64_t size = littleEndian(file, at + 4);
    const size_t content = at + 8;
    if (beginsWith(file, at, "fmt ") && content + 16 <= file.size()) second = bytesPerSecond(file, content);
    if (beginsWith(file, at, "data")) return second > 0 && size <= file.size() - content && size / second <= kSecondsMax;
    at = content + size + (size & 1);
  }
  return false;
}

/** The first block tells rate (20 bits) and samples (36 bits). */
bool isReadableFlac(const std::vector<uint8_t>& file) {
  if (file.size() < 26) return false;
  const uint64_t rate = static_cast<uint64_t>(file[18]) << 12 | static_cast<uint64_t>(file[19]) << 4 | file[20] >> 4;
  const uint64_t samples = (static_cast<uint64_t>(file[21]) & 15) << 32 | static_cast<uint64_t>(file[22]) << 24 |
                           static_cast<uint64_t>(file[23]) << 16 | static_cast<uint64_t>(file[24]) << 8 | file[25];
  return rate > 0 && samples > 0 && samples / rate <= kSecondsMax;
}

}  // namespace

bool isReadableSound(const std::vector<uint8_t>& file) {
  if (beginsWith(file, 0, "RIFF") && beginsWith(file, 8, "WAVE")) return isReadableWav(file);
  if (beginsWith(file, 0, "fLaC")) return isReadableFlac(file);
  const bool mp3 = beginsWith(file, 0, "ID3") || (file.size() > 4 && file[0] == 0xFF && (file[1] & 0xE0) == 0xE0);
  return mp3 && file.size() <= kMp3BytesMax;
}

}  // namespace llmlb
