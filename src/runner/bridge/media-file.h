#pragma once
#include <mtmd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace llmlb {

enum class MediaKind { image, audio };

/** A picture or a sound as the file that a client sent. */
struct MediaFile {
  MediaKind kind = MediaKind::image;
  std::vector<uint8_t> bytes;
  /** Of the bytes: what says whether two files have the same content. */
  std::string hash;
};

using MediaFiles = std::vector<std::shared_ptr<const MediaFile>>;

/** Takes the files, without their hashes, and adds these: work for a thread that nobody waits for. */
MediaFiles identified(std::vector<MediaFile> files);

/**
 * What a tokenizer has to know of a file: of a picture only its size, from the header. `index`: of the file in its request; the chunks
 * that come of it have an id that begins with it. Throws Failure `invalid_argument` where it cannot be a picture or sound of a kind that can be read.
 */
mtmd::bitmap outlineOf(const MediaFile& file, size_t index, const mtmd_context* projector);

/** The pixels or samples. Throws Failure `invalid_argument`. */
mtmd::bitmap decoded(const MediaFile& file, size_t index, const mtmd_context* projector);

}  // namespace llmlb
