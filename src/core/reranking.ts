export interface RerankRequest {
  query: string;
  documents: string[];
}

export interface Ranking {
  /** One per document, in order: the higher, the better it answers the query. What the numbers mean is the model's own. */
  scores: number[];
  promptTokens: number;
}
