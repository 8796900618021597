import type { RerankBody, RerankResponse } from "../api/rerank.ts";
import { AppError } from "../core/errors.ts";
import type { Ranking, RerankRequest } from "../core/reranking.ts";

const documentsMax = 2048; // as many as there may be inputs of embeddings

/** Translates `/v1/rerank`. Throws `invalid_argument` for too many documents. */
export const fromRerank = ({ query, documents }: RerankBody): RerankRequest => {
  if (documents.length > documentsMax)
    throw new AppError("invalid_argument", `too many documents: ${documents.length}, at most ${documentsMax}`);
  return { query, documents: documents.map((document) => (typeof document === "string" ? document : document.text)) };
};

/** The documents by their score; those of one score stay in their order. */
export const toRerank = (
  { scores, promptTokens }: Ranking,
  { documents }: RerankRequest,
  { model, top_n: most = documents.length, return_documents: withText }: RerankBody,
): RerankResponse => ({
  model,
  object: "list",
  usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  results: scores
    .map((relevance_score, index) => ({ index, relevance_score }))
    .sort((a, b) => b.relevance_score - a.relevance_score)
    .slice(0, most)
    .map((result) => (withText ? { ...result, document: { text: documents[result.index] ?? "" } } : result)),
});
