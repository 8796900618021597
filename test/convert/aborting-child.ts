/** Takes a job and dies as llama.cpp does. */
process.once("message", () => {
  process.stderr.write("/src/llama-quant.cpp:1332: GGML_ASSERT(size == new_size) failed\n", () => process.abort());
});
