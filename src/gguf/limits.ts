/**
 * Bounds of the GGUF reader. Each is far above every real file and low enough that a hostile header costs neither memory nor time;
 * lengths are checked against the rest of the file too, before anything is allocated.
 */
export const ggufLimits = {
  /** Real files have 20 to 60 keys; duplicates are found with a map, so many keys cost no quadratic time. */
  keyCount: 100_000,
  /** The GGUF specification's own limit for a key. */
  keyBytes: 65_535,
  /** The longest real strings are embedded tokenizer.json texts of about 20 MB. */
  stringBytes: 64 * 1024 ** 2,
  /** A token or merge is some dozen bytes; llama.cpp once kept a token's length in 32 bits (CVE-2025-49847). */
  arrayStringBytes: 1024 ** 2,
  /** The largest real arrays are merges, below 0.7 million. */
  arrayItems: 4 * 1024 ** 2,
  /** Header without tensor data; real ones stay below 40 MB. Bounds the sum of all strings and arrays. */
  headerBytes: 256 * 1024 ** 2,
  /** A mixture of experts with one tensor per expert has about 50,000. */
  tensorCount: 100_000,
  /** GGML_MAX_NAME is 64 with the terminating zero. */
  tensorNameBytes: 63,
  /** GGML_MAX_DIMS. */
  dimensions: 4,
  /** Real files use 32, a few 64 or 4096 (page size); a huge one would move the data section at will. */
  alignment: 1024 ** 2,
} as const;
