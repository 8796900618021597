import { benchModels } from "./engine.ts";
import { enginePeers } from "./engine-peers.ts";

const streams = 8;
const tokensWanted = 64;
const top = 5;

interface Token {
  token: string;
  logprob: number;
  top_logprobs: { token: string; logprob: number }[];
}

export interface Parity {
  prompts: number;
  tokens: number;
  /** One request at a time: answers that are llama-server's, token by token. */
  sameAlone: number;
  /** Eight at once. Batches of another size round differently, so a near tie may be decided otherwise. */
  sameTogether: number;
  /** Largest difference of a log probability, up to the first token that differs. */
  differenceAlone: number;
  differenceTogether: number;
}

/** Greedy answers and their log probabilities beside llama-server's (one request at a time), on the random model of 0.5 B shape. */
export const benchParity = async (): Promise<Parity> => {
  const { large } = await benchModels();
  const { peers, remove } = await enginePeers({ file: large, slots: streams, contextTokens: 4096, threads: 2 });
  const questions = Array.from({ length: streams }, (_, i) => `question ${i}`);
  const answersOf = async (name: string, ways: ((base: string) => Promise<Token[][]>)[]) => {
    const server = await peers.find((peer) => peer.name === name)?.start();
    const answers: Token[][][] = [];
    for (const way of ways) answers.push(await way(server?.base ?? ""));
    await server?.stop();
    return answers;
  };
  const together = (base: string) => Promise.all(questions.map((question) => ask(base, question)));
  const alone = async (base: string) => {
    const answers: Token[][] = [];
    for (const question of questions) answers.push(await ask(base, question));
    return answers;
  };
  try {
    const [reference = []] = await answersOf("llama-server", [alone]);
    const [ownTogether = [], ownAlone = []] = await answersOf("llmlb", [together, alone]);
    const compared = (answers: Token[][]) => answers.map((answer, i) => compare(answer, reference[i] ?? []));
    const same = (answers: Token[][]) => compared(answers).filter((one) => one.same).length;
    const difference = (answers: Token[][]) => Math.max(...compared(answers).map((one) => one.difference));
    return {
      prompts: streams,
      tokens: tokensWanted,
      sameAlone: same(ownAlone),
      sameTogether: same(ownTogether),
      differenceAlone: difference(ownAlone),
      differenceTogether: difference(ownTogether),
    };
  } finally {
    remove();
  }
};

const ask = async (base: string, content: string): Promise<Token[]> => {
  const body = JSON.stringify({
    model: "bench/model",
    messages: [{ role: "user", content }],
    temperature: 0,
    max_tokens: tokensWanted,
    logprobs: true,
    top_logprobs: top,
  });
  const response = await fetch(`${base}/v1/chat/completions`, { method: "POST", body, keepalive: false });
  const answer = (await response.json()) as { choices?: { logprobs: { content: Token[] } }[] };
  const tokens = answer.choices?.[0]?.logprobs.content;
  if (!tokens) throw new Error(JSON.stringify(answer));
  return tokens;
};

const compare = (own: Token[], wanted: Token[]) => {
  const differs = wanted.findIndex(({ token }, at) => own[at]?.token !== token);
  const common = differs < 0 ? wanted.length : differs + 1;
  let difference = 0;
  for (let at = 0; at < common; at++)
    for (const [rank, { logprob }] of (wanted[at]?.top_logprobs ?? []).entries())
      difference = Math.max(difference, Math.abs(logprob - (own[at]?.top_logprobs[rank]?.logprob ?? Number.NaN)));
  return { same: differs < 0 && own.length === wanted.length, difference };
};
