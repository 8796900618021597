/** One text, or its tokens as the model counts them. */
export type EmbedInput = string | number[];

export interface EmbedRequest {
  inputs: EmbedInput[];
  /** An input that is longer than the model takes loses its end; absent = it is an error. */
  truncate?: boolean;
}

export interface Embeddings {
  /** Not normalized; one per input, in order. */
  vectors: Float32Array[];
  promptTokens: number;
}
