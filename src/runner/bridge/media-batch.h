#pragma once
#include <mtmd.h>

#include <vector>

namespace llmlb {

/** A piece of a span as llama_decode takes it: embeddings in place of tokens, each with its positions. */
class MediaBatch {
 public:
  struct Piece {
    const mtmd_input_chunk* chunk;
    /** Of the whole span. */
    const float* embeddings;
    /** Cells of the span that come before the piece, and its own. */
    size_t from, count;
    /** Where the span begins. */
    llama_pos position;
    llama_seq_id sequence;
    /** The last cell is what an answer follows. */
    bool endsPrompt;
  };

  MediaBatch(const Piece& piece, size_t valuesPerToken, bool mrope);
  MediaBatch(const MediaBatch&) = delete;

  const llama_batch& value() const { return batch_; }

 private:
  void placeInRow(const Piece& piece);
  void placeInGrid(const Piece& piece);

  std::vector<llama_pos> positions_;
  std::vector<int32_t> sequenceCounts_;
  llama_seq_id sequence_;
  std::vector<llama_seq_id*> sequences_;
  std::vector<int8_t> outputs_;
  llama_batch batch_{};
};

}  // namespace llmlb
