/** Asks the reference llama-server every recorded question and writes test/fixtures/expectations.json. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { GenerationRequest } from "../src/core/generation.ts";
import type { RerankRequest } from "../src/core/reranking.ts";
import {
  type Expectation,
  type ExpectationCase,
  type ExpectationFile,
  expectationCases,
  type ModelExpectations,
  type RecordedRanking,
  rankCases,
} from "./fixtures/expectation.ts";
import { buildFixtureModels, type FixturePath } from "./fixtures/models.ts";
import { buildLlamaServer } from "./llama-server.ts";
import { withLlamaServer } from "./with-llama-server.ts";

const target = join(import.meta.dir, "..", "test", "fixtures", "expectations.json");
const contextTokens = 2048;

/** Samplers in llama.cpp's default order; named so that a change of its default does not pass unnoticed. */
const samplers = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"];

const wireOptions = ({ sampling, maxTokens, stop, topLogprobs }: GenerationRequest) => ({
  temperature: sampling.temperature,
  top_k: sampling.topK,
  top_p: sampling.topP,
  min_p: sampling.minP,
  typical_p: sampling.typicalP,
  repeat_penalty: sampling.repeatPenalty,
  repeat_last_n: sampling.repeatLastN,
  presence_penalty: sampling.presencePenalty,
  frequency_penalty: sampling.frequencyPenalty,
  seed: sampling.seed,
  ...(sampling.grammar === undefined ? {} : { grammar: sampling.grammar }),
  ...(sampling.logitBias && {
    logit_bias: Object.entries(sampling.logitBias).map(([id, bias]) => [Number(id), bias]),
  }),
  ...(topLogprobs && { n_probs: topLogprobs, logprobs: true, top_logprobs: topLogprobs }),
  n_predict: maxTokens ?? -1,
  stop: stop ?? [],
  samplers,
  cache_prompt: false,
  return_tokens: true,
  verbose: true, // adds `__verbose`: the prompt and the tokens
});

interface RawLogprob {
  id: number;
  logprob: number;
  top_logprobs: { id: number; logprob: number }[];
}

interface RawAnswer {
  completion_probabilities?: RawLogprob[];
  content: string;
  tokens: number[];
  prompt: string;
  tokens_evaluated: number;
  stop_type: "eos" | "limit" | "word";
}

interface ChatAnswer {
  choices: [
    {
      finish_reason: "stop" | "length" | "tool_calls";
      message: {
        content: string | null;
        reasoning_content?: string;
        tool_calls?: { function: { name: string; arguments: string } }[];
      };
      logprobs?: { content: RawLogprob[] };
    },
  ];
  __verbose: RawAnswer;
}

const post = async (base: string, path: string, body: object): Promise<unknown> => {
  const response = await fetch(`${base}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
};

const ask = (base: string, { name, request }: ExpectationCase): Promise<Expectation> =>
  request.input.kind === "text"
    ? askText(base, name, request, request.input)
    : askChat(base, name, request, request.input);

type Input<K extends GenerationRequest["input"]["kind"]> = Extract<GenerationRequest["input"], { kind: K }>;

const askText = async (base: string, name: string, request: GenerationRequest, input: Input<"text">) => {
  const answer = (await post(base, "/completion", { prompt: input.text, ...wireOptions(request) })) as RawAnswer;
  const reason = answer.stop_type === "limit" ? ("length" as const) : ("stop" as const);
  return {
    ...common(name, request, answer),
    text: answer.content,
    reasoning: "",
    toolCalls: [],
    reason,
    ...logprobsOf(answer.completion_probabilities),
  };
};

const askChat = async (base: string, name: string, request: GenerationRequest, input: Input<"chat">) => {
  const { choices, __verbose: raw } = (await post(base, "/v1/chat/completions", {
    messages: input.messages,
    ...(input.tools ? { tools: input.tools, tool_choice: input.toolChoice ?? "auto" } : {}),
    ...(input.thinking === undefined ? {} : { chat_template_kwargs: { enable_thinking: input.thinking } }),
    ...wireOptions(request),
  })) as ChatAnswer;
  const [{ finish_reason, message, logprobs }] = choices;
  return {
    ...common(name, request, raw),
    text: message.content ?? "",
    reasoning: message.reasoning_content ?? "",
    toolCalls: (message.tool_calls ?? []).map((call) => call.function), // ids are random
    reason: finish_reason === "tool_calls" ? ("toolCalls" as const) : finish_reason,
    ...logprobsOf(logprobs?.content),
  };
};

const logprobsOf = (tokens: RawLogprob[] | undefined): Pick<Expectation, "logprobs"> =>
  tokens
    ? {
        logprobs: tokens.map(({ id, logprob, top_logprobs }) => ({
          id,
          logprob,
          top: top_logprobs.map((other) => ({ id: other.id, logprob: other.logprob })),
        })),
      }
    : {};

const common = (name: string, request: GenerationRequest, { prompt, tokens_evaluated, tokens }: RawAnswer) => ({
  name,
  request,
  prompt,
  promptTokens: tokens_evaluated,
  tokens,
});

interface RerankAnswer {
  usage: { prompt_tokens: number };
  results: { index: number; relevance_score: number }[];
}

const askRanking = async (base: string, request: RerankRequest): Promise<RecordedRanking> => {
  const { usage, results } = (await post(base, "/v1/rerank", request)) as RerankAnswer;
  const scores = results.sort((a, b) => a.index - b.index).map(({ relevance_score }) => relevance_score);
  return { ...request, scores, promptTokens: usage.prompt_tokens };
};

const record = async (server: string, dir: string, path: FixturePath): Promise<ModelExpectations> => ({
  file: relative(dir, path.file),
  sha256: createHash("sha256")
    .update(await Bun.file(path.file).bytes())
    .digest("hex"),
  ...(await withLlamaServer(
    server,
    path.file,
    ["--ctx-size", contextTokens, ...(path.model.ranks ? ["--reranking"] : [])],
    (base) => (path.model.ranks ? recordRankings(base) : recordAnswers(base, path)),
  )),
});

const recordAnswers = async (base: string, { model }: FixturePath) => {
  const expectations: Expectation[] = [];
  for (const item of expectationCases(model.name)) expectations.push(await ask(base, item));
  return { expectations };
};

const recordRankings = async (base: string) => {
  const rankings: RecordedRanking[] = [];
  for (const request of rankCases) rankings.push(await askRanking(base, request));
  return { expectations: [], rankings };
};

/** All expectations, in the order of `fixtureModels`. Needs the reference llama-server; see `buildLlamaServer`. */
export const recordExpectations = async (): Promise<ExpectationFile> => {
  const server = await buildLlamaServer();
  const info = join(import.meta.dir, "..", "node_modules", "node-llama-cpp", "llama", "llama.cpp.info.json");
  const { tag } = await Bun.file(info).json();
  const dir = await mkdtemp(join(tmpdir(), "llmlb-record-"));
  try {
    const loadable = (await buildFixtureModels(dir)).filter(({ model }) => model.defect === undefined);
    const models: ModelExpectations[] = [];
    for (const path of loadable) models.push(await record(server, dir, path));
    return { schemaVersion: 1, llamaCpp: tag, models };
  } finally {
    await rm(dir, { recursive: true });
  }
};

/** JSON with one expectation or ranking a line, so that a change shows what it changes. */
const toText = ({ models, ...head }: ExpectationFile): string => {
  const listed = (name: string, items: readonly unknown[]) =>
    `,"${name}":[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
  const each = models.map(({ expectations, rankings, ...model }) => {
    const lists = listed("expectations", expectations) + (rankings ? listed("rankings", rankings) : "");
    return `${JSON.stringify(model).slice(0, -1)}${lists}}`;
  });
  return `${JSON.stringify(head).slice(0, -1)},"models":[\n  ${each.join(",\n  ")}\n]}\n`;
};

if (import.meta.main) {
  const expectations = await recordExpectations();
  await Bun.write(target, toText(expectations));
  console.log(`${expectations.models.flatMap((model) => model.expectations).length} expectations in ${target}`);
}
