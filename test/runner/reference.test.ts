/** What llama-server said to the same requests (scripts/record-expectations.ts: one thread too), token by token. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import {
  type Expectation,
  type ModelExpectations,
  type RecordedLogprob,
  rememberingModels,
} from "../../scripts/fixtures/expectation.ts";
import type { ChosenToken } from "../../src/core/generation.ts";
import expectations from "../fixtures/expectations.json";
import { type Answer, collect, fixtures, loadedRunners } from "./start-runner.ts";

const { dir } = fixtures();
const runnerOf = loadedRunners((file) => join(dir(), file));
// Batches of another size, and what is read from the cache, round their sums differently (measured: up to 0.006).
const tolerance = 0.02;

const tokensOf = ({ events }: Answer): ChosenToken[] =>
  events.flatMap((event) => (event.type === "logprobs" ? event.tokens : []));

/** llama-server's lists may end with the token that ends the answer; that one is nobody's text. */
const withoutEnd = <T>(tokens: T[], count: number) => (tokens.length === count + 1 ? tokens.slice(0, -1) : tokens);

/** A character that the limit cuts: llama-server drops it, Ollama and we show that something was there. */
const withoutCut = (text: string) => text.replace(/\uFFFD$/, "");

const expectSame = (answer: Answer, wanted: Expectation) => {
  const told = tokensOf(answer);
  expect(told.map(({ id }) => id)).toEqual(withoutEnd(wanted.tokens, told.length));
  expect({
    promptTokens: answer.done.counts.promptTokens,
    completionTokens: answer.done.counts.completionTokens,
    text: withoutCut(answer.text),
    reasoning: answer.reasoning,
    toolCalls: answer.toolCalls.map(({ name, arguments: text }) => ({ name, arguments: text })),
    reason: answer.done.reason,
  }).toEqual({
    promptTokens: wanted.promptTokens,
    completionTokens: wanted.tokens.length,
    text: withoutCut(wanted.text),
    reasoning: wanted.reasoning,
    toolCalls: wanted.toolCalls,
    reason: wanted.reason,
  });
  if (wanted.logprobs) expectLogprobs(told, withoutEnd(wanted.logprobs, told.length));
};

const expectLogprobs = (told: ChosenToken[], wanted: RecordedLogprob[]) => {
  expect(told.length).toBe(wanted.length);
  for (const [at, { id, logprob, top }] of wanted.entries()) {
    const token = told[at];
    expect(token?.id).toBe(id);
    expect(Math.abs((token?.logprob ?? 0) - logprob)).toBeLessThan(tolerance);
    expect(token?.top.length).toBe(top.length);
    for (const [rank, other] of top.entries())
      expect(Math.abs((token?.top[rank]?.logprob ?? 0) - other.logprob)).toBeLessThan(tolerance);
  }
};

const recorded = expectations.models as ModelExpectations[];

test.each(recorded.filter(({ rankings }) => rankings !== undefined))(
  "$file scores documents as llama-server does",
  async ({ file, rankings = [] }) => {
    const runner = await runnerOf(file, { threads: 1 });
    expect(rankings.length).toBeGreaterThan(0);
    for (const { query, documents, ...wanted } of rankings) {
      const { scores, promptTokens } = await runner.rerank({ query, documents });
      expect(promptTokens).toBe(wanted.promptTokens);
      expect(scores).toHaveLength(documents.length);
      for (const [at, score] of scores.entries()) expect(score).toBeCloseTo(wanted.scores[at] ?? Number.NaN, 3);
    }
  },
);

describe.each(recorded.filter(({ rankings }) => rankings === undefined))("$file", ({ file, expectations }) => {
  const runner = () => runnerOf(file, { slots: 8, contextTokens: 2048, threads: 1 });
  const ask = async ({ request }: Expectation) =>
    await collect((await runner()).generate({ topLogprobs: 0, ...request }));

  test("one request at a time", async () => {
    for (const wanted of expectations) expectSame(await ask(wanted), wanted);
  });

  // A draw can fall on the other side of a boundary that rounding has moved; greedy text may not change.
  const certain = expectations.filter(
    ({ request }) => request.sampling.temperature === 0 || !rememberingModels.some((name) => file.includes(name)),
  );

  test("eight requests at a time", async () => {
    const asked = [...certain, ...certain, ...certain].slice(0, Math.max(8, certain.length));
    const answers = await Promise.all(asked.map(ask));
    for (const [at, answer] of answers.entries()) expectSame(answer, asked[at] as Expectation);
  });
});
