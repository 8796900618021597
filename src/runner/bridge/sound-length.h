#pragma once
#include <cstdint>
#include <vector>

namespace llmlb {

/** A WAV, MP3 or FLAC file whose header claims no more sound than can be decoded at once; nothing is decoded to tell. */
bool isReadableSound(const std::vector<uint8_t>& file);

}  // namespace llmlb
