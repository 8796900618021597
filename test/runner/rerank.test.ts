import { expect, test } from "bun:test";
import { tinyRankScore } from "../../scripts/fixtures/tiny-ranker.ts";
import { chatOf, collect, fixtures, loadedRunners } from "./start-runner.ts";

const { modelPath } = fixtures();
const loaded = loadedRunners(modelPath);

test("scores are what the classifier head was built to give", async () => {
  const runner = await loaded("tiny-rank");
  const documents = ["Tokyo", "Tokyo capital Japan", "xyz", "Tokyo Tokyo Tokyo Tokyo Tokyo Tokyo"];
  const { scores, promptTokens } = await runner.rerank({ query: "a", documents });
  // <s> a </s></s> document </s>: relevant tokens of all; a space is a token.
  const shares = [1 / 6, 3 / 10, 0, 6 / 16];
  expect(promptTokens).toBe(6 + 10 + 8 + 16);
  for (const [at, share] of shares.entries()) expect(scores[at]).toBeCloseTo(tinyRankScore(share), 2);
});

test("a document that the model cannot take is named; what is cancelled ends", async () => {
  const runner = await loaded("tiny-rank");
  await expect(runner.rerank({ query: "a", documents: ["b", "x".repeat(600)] })).rejects.toMatchObject({
    code: "context_overflow",
    message: "document 1 has 605 tokens with the query, but the model takes 512; shorten it",
  });
  const abort = new AbortController();
  const ranking = runner.rerank({ query: "a", documents: Array(2000).fill("x".repeat(400)) }, abort.signal);
  abort.abort();
  await expect(ranking).rejects.toMatchObject({ code: "cancelled" });
  expect((await runner.rerank({ query: "a", documents: ["Tokyo"] })).scores).toHaveLength(1);
});

test("a model of BERT's kind embeds too, and says that it cannot generate", async () => {
  const runner = await loaded("tiny-rank");
  expect((await runner.embed({ inputs: ["Tokyo"] })).vectors[0]).toHaveLength(32);
  await expect(collect(runner.generate(chatOf("hi")))).rejects.toMatchObject({ code: "unsupported" });
});
