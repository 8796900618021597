/**
 * Has llama.cpp's own converter convert every tiny repository and llama-server answer with what came out, and writes that to
 * test/fixtures/conversion-answers.json; of some repositories also the digests of the tensors at F16 and F32. Needs the Python of
 * record-conversion.ts: `bun scripts/record-conversion-answers.ts PYTHON [NAME...]`; with names those alone are recorded anew.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRepository } from "./fixtures/build-repository.ts";
import {
  answerTokens,
  conversionPrompts,
  floatRepositories,
  type RecordedAnswer,
} from "./fixtures/conversion-answers.ts";
import { digestGguf, type GgufDigest } from "./fixtures/gguf-digest.ts";
import { tinyRepositories } from "./fixtures/tiny-repositories.ts";
import { buildLlamaServer } from "./llama-server.ts";
import { checkOutLlamaSources } from "./native/llama-sources.ts";
import { type ConversionOracle, provenanceOf, run } from "./record-conversion.ts";
import { withLlamaServer } from "./with-llama-server.ts";

const root = join(import.meta.dir, "..");
const target = join(root, "test", "fixtures", "conversion-answers.json");

export interface ConversionAnswers {
  provenance: ConversionOracle["provenance"];
  answers: Record<string, RecordedAnswer[]>;
  floats: Record<string, Record<"F16" | "F32", GgufDigest["tensors"]>>;
}

/** Between the first choice and the second, as a logarithm: far more than what kernels of other processors round differently. */
const marginMin = 0.005;

interface Completion {
  content: string;
  tokens: number[];
  completion_probabilities: { top_logprobs: { logprob: number }[] }[];
}

/** Undefined where the server's own parser makes nothing of the random bytes. */
const ask = async (base: string, prompt: string): Promise<(RecordedAnswer & { margin: number }) | undefined> => {
  const body = { prompt, n_predict: answerTokens, temperature: 0, return_tokens: true, n_probs: 2 };
  const response = await fetch(`${base}/completion`, { method: "POST", body: JSON.stringify(body) });
  if (response.status === 500 && (await response.clone().text()).includes("Content-only format")) return undefined;
  if (!response.ok) throw new Error(`llama-server answered ${response.status}: ${await response.text()}`);
  const { content: text, tokens, completion_probabilities: steps } = (await response.json()) as Completion;
  const margins = steps.map(({ top_logprobs: [first, second] }) => (first?.logprob ?? 0) - (second?.logprob ?? 0));
  return { prompt, text, tokens, margin: Math.min(...margins) };
};

const askAll = async (base: string): Promise<RecordedAnswer[]> => {
  const answers: RecordedAnswer[] = [];
  for (const prompt of conversionPrompts) {
    const { margin = 0, ...answer } = (await ask(base, prompt)) ?? {};
    if (margin >= marginMin && "text" in answer) answers.push(answer);
    else console.log(`left out ${JSON.stringify(prompt)}: two tokens are ${margin} apart`);
  }
  return answers;
};

const record = async (python: string, chosen: readonly string[]): Promise<ConversionAnswers> => {
  const converter = join(
    await checkOutLlamaSources(join(root, "node_modules", "node-llama-cpp"), join(root, "build", "llama.cpp")),
    "convert_hf_to_gguf.py",
  );
  const server = await buildLlamaServer();
  const dir = await mkdtemp(join(tmpdir(), "llmlb-answers-"));
  const result: ConversionAnswers = { provenance: await provenanceOf(python), answers: {}, floats: {} };
  try {
    for (const repository of tinyRepositories.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
      const source = await writeRepository(repository, join(dir, repository.name));
      const convert = async <T>(type: string, use: (file: string) => Promise<T>): Promise<T> => {
        const file = join(dir, `${type}.gguf`);
        await run([python, converter, source, "--outfile", file, "--outtype", type]);
        const used = await use(file);
        await rm(file);
        return used;
      };
      const { name } = repository;
      if (!repository.ownScores)
        result.answers[name] = await convert("bf16", (file) =>
          withLlamaServer(server, file, ["--ctx-size", 512], askAll),
        );
      const tensors = async (file: string) => (await digestGguf(file)).tensors;
      if (floatRepositories.includes(name))
        result.floats[name] = { F16: await convert("f16", tensors), F32: await convert("f32", tensors) };
      console.log(name);
      await rm(source, { recursive: true });
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return result;
};

/** JSON with the tokens of an answer in one line. */
const toText = (content: ConversionAnswers): string =>
  JSON.stringify(content, null, 1).replace(/\[[\d,\s]+\]/g, (numbers) => numbers.replace(/\s+/g, " "));

if (import.meta.main) {
  const [python = "python3", ...chosen] = process.argv.slice(2);
  const recorded = await record(python, chosen);
  const before: ConversionAnswers = chosen.length > 0 ? await Bun.file(target).json() : recorded;
  const merged = {
    ...recorded,
    answers: { ...before.answers, ...recorded.answers },
    floats: { ...before.floats, ...recorded.floats },
  };
  await Bun.write(target, `${toText(merged)}\n`);
}
