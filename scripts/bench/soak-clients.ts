import { pull } from "./soak-world.ts";

/** What became of the requests of one kind. */
export interface Tally {
  /** Whole answers, with the right text where it is known. */
  answered: number;
  /** Left by the client, in the middle. */
  left: number;
  /** Refused or broken off with an error in the words of the API. */
  refused: number;
  /** Cut with the router that was killed. */
  cut: number;
}

export interface SoakRun {
  /** Of the router. */
  base: string;
  signal: AbortSignal;
  tallies: Record<string, Tally>;
  /** What nobody had to expect, a line each. */
  unexpected: string[];
  /** Whether something was broken of late, for which a request may pay. */
  isDisturbed(): boolean;
}

const [hello, endless] = ["llmlb-test/tiny-hello-GGUF", "llmlb-test/tiny-endless-GGUF"] as const;
const helloText = "Hello! I am a tiny model.";
const churned = "llmlb-test/tiny-plain-GGUF";
const tokens = 60;
const answerMaxMs = 90_000; // an answer takes a second; what is not over by then waits for ever

interface Ask {
  path: string;
  body: object;
  /** What the answer has to contain. */
  contains: string;
  /** What the end of a whole stream has in it. */
  end?: string;
}

const messages = [{ role: "user", content: "hi" }];
const text = `tick${" tock tick".repeat(3)}`;

/** Every API, streaming and not. */
const asks: Readonly<Record<string, Ask>> = {
  "chat, Ollama": {
    path: "/api/chat",
    body: { model: endless, messages, options: { num_predict: tokens } },
    contains: '"done":true',
    end: '"done":true',
  },
  "chat, OpenAI": {
    path: "/v1/chat/completions",
    body: { model: endless, messages, stream: true, max_tokens: tokens },
    contains: "[DONE]",
    end: "[DONE]",
  },
  "chat, Anthropic": {
    path: "/v1/messages",
    body: { model: endless, messages, stream: true, max_tokens: tokens },
    contains: "message_stop",
    end: "message_stop",
  },
  responses: {
    path: "/v1/responses",
    body: { model: endless, input: "hi", stream: true, max_output_tokens: tokens },
    contains: "response.",
    end: "response.",
  },
  "whole answers": { path: "/api/generate", body: { model: hello, prompt: "hi", stream: false }, contains: helloText },
  "loads and unloads": {
    path: "/api/generate",
    body: { model: hello, prompt: "hi", stream: false, keep_alive: 0 },
    contains: helloText,
  },
  completions: {
    path: "/v1/completions",
    body: { model: endless, prompt: "tick", max_tokens: 8, temperature: 0 },
    contains: text.slice(5, 9),
  },
  embeddings: { path: "/v1/embeddings", body: { model: hello, input: ["a", "b"] }, contains: '"index":1' },
  "listings and metrics": { path: "GET /metrics", body: {}, contains: "llmlb_" },
};

const kinds = Object.keys(asks);

/** Asks in turn whatever there is to ask, until the signal; a third of the streams is left in the middle. */
export const visit = async (run: SoakRun, first: number): Promise<void> => {
  for (let turn = first; !run.signal.aborted; turn++) {
    const kind = kinds[turn % kinds.length] ?? "";
    await once(run, kind, asks[kind] as Ask, Math.random() < 1 / 3);
    await Bun.sleep(Math.random() * 100); // people think
  }
};

/** More at once than there are slots and places in the queues. */
export const burst = async (run: SoakRun): Promise<void> => {
  const asked = { ...(asks["chat, OpenAI"] as Ask) };
  await Promise.all(Array.from({ length: 120 }, () => once(run, "bursts", asked, false)));
};

/** Takes a model from the Hub and deletes it, again and again. */
export const churn = async (run: SoakRun): Promise<void> => {
  while (!run.signal.aborted) {
    await note(run, "pulls and deletes", async () => {
      await pull(run.base, churned);
      const body = JSON.stringify({ model: churned });
      return await fetch(`${run.base}/api/delete`, { method: "DELETE", body });
    });
    await Bun.sleep(1_000);
  }
};

const tallyOf = (run: SoakRun, kind: string): Tally =>
  (run.tallies[kind] ??= { answered: 0, left: 0, refused: 0, cut: 0 });

const once = async (run: SoakRun, kind: string, { path, body, contains, end }: Ask, leaves: boolean): Promise<void> => {
  const left = new AbortController();
  const signal = AbortSignal.any([left.signal, AbortSignal.timeout(answerMaxMs)]);
  const [method, place] = path.startsWith("GET ") ? ["GET", path.slice(4)] : ["POST", path];
  const ask = () =>
    fetch(run.base + place, { method, signal, ...(method === "POST" && { body: JSON.stringify(body) }) });
  await note(run, kind, ask, async (response) => {
    let answer = "";
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      answer += piece;
      if (!leaves || end === undefined || answer.length < 500) continue;
      left.abort();
      return "left";
    }
    if (/"error":[{"]|event: error/.test(answer.slice(-2_000))) return answer.slice(-300);
    if (!answer.includes(contains)) throw new Error(`a wrong answer: ${answer.slice(-300)}`);
    return "answered";
  });
};

type Reading = (response: Response) => Promise<"answered" | "left" | string>;

const readAll: Reading = async (response) => {
  await response.body?.cancel();
  return "answered";
};

/** Counts what becomes of a request. What may happen depends on what was done to the cluster. */
const note = async (
  run: SoakRun,
  kind: string,
  ask: () => Promise<Response>,
  read: Reading = readAll,
): Promise<void> => {
  const tally = tallyOf(run, kind);
  const before = run.isDisturbed();
  try {
    const response = await ask();
    const outcome = response.ok ? await read(response) : `${response.status} ${await response.text()}`;
    if (outcome === "answered" || outcome === "left") tally[outcome]++;
    else refused(run, kind, outcome, before);
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "AbortError") tally.left++;
    else if (name !== "TimeoutError" && (before || run.isDisturbed())) tally.cut++;
    else run.unexpected.push(`${kind}: ${name} ${message}`);
  }
};

/** A full queue may be told of at any time; everything else has to have a reason. */
const refused = (run: SoakRun, kind: string, told: string, before: boolean): void => {
  if (/^503 /.test(told) || before || run.isDisturbed()) tallyOf(run, kind).refused++;
  else run.unexpected.push(`${kind}: ${told}`);
};
