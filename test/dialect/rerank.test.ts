import { expect, test } from "bun:test";
import type { RerankBody } from "../../src/api/rerank.ts";
import { fromRerank, toRerank } from "../../src/dialect/rerank.ts";

const body: RerankBody = { model: "m", query: "q", documents: ["a", { text: "b" }, "c"] };
const ranking = { scores: [0.25, 2, 0.25], promptTokens: 12 };

test("documents are texts, or objects that carry one", () => {
  expect(fromRerank(body)).toEqual({ query: "q", documents: ["a", "b", "c"] });
  expect(() => fromRerank({ ...body, documents: Array(2049).fill("") })).toThrow("too many documents: 2049");
});

test("results come by score, those of one score in their order", () => {
  expect(toRerank(ranking, fromRerank(body), body)).toEqual({
    model: "m",
    object: "list",
    usage: { prompt_tokens: 12, total_tokens: 12 },
    results: [
      { index: 1, relevance_score: 2 },
      { index: 0, relevance_score: 0.25 },
      { index: 2, relevance_score: 0.25 },
    ],
  });
});

test("top_n cuts, and documents come along where they are asked for", () => {
  const { results } = toRerank(ranking, fromRerank(body), { ...body, top_n: 1, return_documents: true });
  expect(results).toEqual([{ index: 1, relevance_score: 2, document: { text: "b" } }]);
});
