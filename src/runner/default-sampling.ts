/** What a request gets that says nothing: Ollama's defaults. The penalties are off, and there is no seed: each answer is its own. */
export const defaultSampling = {
  temperature: 0.8,
  topK: 40,
  topP: 0.9,
  minP: 0,
  typicalP: 1,
  repeatPenalty: 1,
  repeatLastN: 64,
  presencePenalty: 0,
  frequencyPenalty: 0,
} as const;
