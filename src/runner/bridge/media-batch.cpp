#include "media-batch.h"

namespace llmlb {
namespace {

// M-RoPE: time, row, column, and one that no model uses yet.
constexpr size_t kPositionsPerToken = 4;

}  // namespace

MediaBatch::MediaBatch(const Piece& piece, size_t valuesPerToken, bool mrope)
    : positions_(piece.count * (mrope ? kPositionsPerToken : 1)),
      sequenceCounts_(piece.count, 1),
      sequence_(piece.sequence),
      sequences_(piece.count, &sequence_),
      outputs_(piece.count, 0) {
  const bool grid = mrope && mtmd_input_chunk_get_type(piece.chunk) == MTMD_INPUT_CHUNK_TYPE_IMAGE;
  if (grid) placeInGrid(piece);
  else placeInRow(piece);
  outputs_.back() = piece.endsPrompt ? 1 : 0;
  batch_.n_tokens = static_cast<int32_t>(piece.count);
  // llama_decode does not write to it.
  batch_.embd = const_cast<float*>(piece.embeddings) + piece.from * valuesPerToken;
  batch_.pos = positions_.data();
  batch_.n_seq_id = sequenceCounts_.data();
  batch_.seq_id = sequences_.data();
  batch_.logits = outputs_.data();
}

/** One cell after the other, in all dimensions that there are. */
void MediaBatch::placeInRow(const Piece& piece) {
  for (size_t i = 0; i < positions_.size(); i++) {
    positions_[i] = piece.position + static_cast<llama_pos>(piece.from + i % piece.count);
  }
}

void MediaBatch::placeInGrid(const Piece& piece) {
  const mtmd_image_tokens* tokens = mtmd_input_chunk_get_tokens_image(piece.chunk);
  for (size_t i = 0; i < piece.count; i++) {
    const mtmd_decoder_pos at = mtmd_image_tokens_get_decoder_pos(tokens, piece.position, piece.from + i);
    positions_[i] = static_cast<llama_pos>(at.t);
    positions_[i + piece.count] = static_cast<llama_pos>(at.y);
    positions_[i + piece.count * 2] = static_cast<llama_pos>(at.x);
    positions_[i + piece.count * 3] = static_cast<llama_pos>(at.z);
  }
}

}  // namespace llmlb
