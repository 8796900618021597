/** Wire types of reranking as Jina's API, Cohere's and llama-server's have it (https://jina.ai/reranker). */

export interface RerankBody {
  model: string;
  query: string;
  documents: (string | { text: string })[];
  /** Most results; absent = all. */
  top_n?: number;
  return_documents?: boolean;
}

export interface RerankResponse {
  model: string;
  object: "list";
  usage: { prompt_tokens: number; total_tokens: number };
  /** The best first; `index` counts the documents of the request. */
  results: { index: number; relevance_score: number; document?: { text: string } }[];
}
