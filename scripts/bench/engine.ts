import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeBenchModel } from "../fixtures/bench-model.ts";
import { buildModel } from "../fixtures/models.ts";
import { enginePeers, type Peer } from "./engine-peers.ts";

const build = join(import.meta.dir, "../../build/bench");
const rounds = 6;
const threads = 2;

export interface Answer {
  firstTokenMs: number;
  totalMs: number;
  text: string;
  tokens: number;
  promptTokens: number;
  cachedTokens: number;
}

interface Message {
  role: "user" | "assistant";
  content: string;
}

/** One streamed chat completion through OpenAI's API, greedy. */
export const ask = async (base: string, messages: Message[], maxTokens: number): Promise<Answer> => {
  const startMs = performance.now();
  const body = {
    model: "bench/model",
    messages,
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  };
  // A connection of its own each time: a server may close one that idles while its peer is measured.
  const init = { method: "POST", body: JSON.stringify(body), keepalive: false };
  const response = await fetch(`${base}/v1/chat/completions`, init);
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const answer = { firstTokenMs: 0, text: "", tokens: 0, promptTokens: 0, cachedTokens: 0 };
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const { choices, usage } = JSON.parse(line.slice(6));
      const text = choices?.[0]?.delta?.content;
      if (text && answer.firstTokenMs === 0) answer.firstTokenMs = performance.now() - startMs;
      answer.text += text ?? "";
      if (!usage) continue;
      answer.tokens = usage.completion_tokens;
      answer.promptTokens = usage.prompt_tokens;
      answer.cachedTokens = usage.prompt_tokens_details?.cached_tokens ?? 0;
    }
  }
  return { ...answer, totalMs: performance.now() - startMs };
};

let unique = 0;
/** Bytes are tokens to the benchmark model; nothing begins like an earlier prompt. */
const prompt = (tokens: number): Message[] => [
  { role: "user", content: `${unique++} `.padEnd(tokens, "the quick brown fox ").slice(0, tokens) },
];

type Unit = "ms" | "tokens/s" | "MB";

interface Server {
  base: string;
  pid: number;
}

interface Measure {
  slots: number;
  unit: Unit;
  /** The least ratio that we want; none = it is for information. */
  atLeast?: number;
  /** Both servers choose their threads, while another process keeps a core busy. */
  contended?: boolean;
  run(server: Server): Promise<number>;
}

const measures: Record<string, Measure> = {
  "first token, warm, prompt of 512 tokens": {
    slots: 1,
    unit: "ms",
    atLeast: 1 / 1.05,
    run: async ({ base }) => (await ask(base, prompt(500), 2)).firstTokenMs,
  },
  "first token, second turn of a 2,000-token chat": {
    slots: 1,
    unit: "ms",
    atLeast: 1 / 1.05,
    run: async ({ base }) => {
      const first = prompt(2000);
      const { text } = await ask(base, first, 8);
      const turns: Message[] = [...first, { role: "assistant", content: text }, { role: "user", content: "and then?" }];
      const answer = await ask(base, turns, 2);
      console.error(`  prompt ${answer.promptTokens}, cached ${answer.cachedTokens}`);
      return answer.firstTokenMs;
    },
  },
  ...Object.fromEntries(
    [1, 4, 8, 16].map((streams) => [
      `generation, ${streams} stream${streams > 1 ? "s" : ""}`,
      { slots: streams, unit: "tokens/s" as const, atLeast: 0.97, run: generation(streams) },
    ]),
  ),
  "generation, 1 stream, another process busy": {
    slots: 1,
    unit: "tokens/s",
    contended: true,
    run: generation(1),
  },
  "memory after 4 streams": {
    slots: 4,
    unit: "MB",
    run: async (server) => {
      await generation(4)(server);
      return proportionalMB(server.pid);
    },
  },
};

function generation(streams: number): Measure["run"] {
  return async ({ base }) => {
    const startMs = performance.now();
    const answers = await Promise.all(Array.from({ length: streams }, () => ask(base, prompt(20), 64)));
    const tokens = answers.reduce((sum, answer) => sum + answer.tokens, 0);
    return (tokens * 1000) / (performance.now() - startMs);
  };
}

/** Memory of a process and its children; what several share counts in parts (PSS). */
const proportionalMB = (pid: number): number => {
  const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, "utf8");
  const [, kilobytes = "0"] = /^Pss:\s+(\d+)/m.exec(read("smaps_rollup")) ?? [];
  const children = read(`task/${pid}/children`).trim().split(" ").filter(Boolean);
  return Number(kilobytes) / 1024 + children.reduce((sum, child) => sum + proportionalMB(Number(child)), 0);
};

const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
};

export interface Row {
  llmlb: number;
  "llama-server": number;
  unit: string;
  /** Above 1 = llmlb is better. */
  ratio: number;
  bar?: number;
}

export const toRow = (values: Record<Peer["name"], number[]>, unit: Unit, bar?: number): Row => {
  const own = median(values.llmlb);
  const peer = median(values["llama-server"]);
  const round = (value: number) => Math.round(value * 100) / 100;
  return {
    llmlb: round(own),
    "llama-server": round(peer),
    unit,
    ratio: round(unit === "tokens/s" ? own / peer : peer / own),
    ...(bar && { bar: round(bar) }),
  };
};

/**
 * Both servers stay up, take turns, and one waits idle while the other is measured. Whoever follows the other is slower by a
 * tenth (its weights have left the processor's caches), so each has an unmeasured answer before the measured one.
 */
const compare = async (file: string, { slots, unit, atLeast, contended, run }: Measure): Promise<Row> => {
  const settings = { file, slots, contextTokens: 4096, ...(contended ? {} : { threads }) };
  const { peers, remove } = await enginePeers(settings);
  const started = await Promise.all(peers.map(async (peer) => ({ peer, server: await peer.start() })));
  const values: Record<Peer["name"], number[]> = { llmlb: [], "llama-server": [] };
  const busy = contended ? Bun.spawn([process.execPath, "-e", "for (;;);"]) : undefined;
  try {
    for (let round = 0; round < rounds; round++)
      for (const { peer, server } of round % 2 ? started : started.toReversed()) {
        await ask(server.base, prompt(20), 16);
        values[peer.name].push(await run(server));
      }
    return toRow(values, unit, atLeast);
  } finally {
    busy?.kill();
    for (const { server } of started) await server.stop();
    remove();
  }
};

/** From no process at all to the first token. */
const compareCold = async (file: string, coldRounds: number, bar?: number): Promise<Row> => {
  const { peers, remove } = await enginePeers({ file, slots: 1, contextTokens: 4096, threads });
  const values: Record<Peer["name"], number[]> = { llmlb: [], "llama-server": [] };
  try {
    for (let round = 0; round <= coldRounds; round++)
      for (const peer of peers) {
        const startMs = performance.now();
        const server = await peer.start();
        await ask(server.base, [{ role: "user", content: "hi" }], 2);
        if (round > 0) values[peer.name].push(performance.now() - startMs); // the first unpacks the libraries
        await server.stop();
      }
    return toRow(values, "ms", bar);
  } finally {
    remove();
  }
};

/** Answers beside llama-server's, built from the same sources, on the same random model of 0.5 B shape. */
export const benchEngine = async (only: string): Promise<Record<string, Row>> => {
  const { large, tiny } = await benchModels();
  const rows: Record<string, Row> = {};
  const add = async (name: string, measure: () => Promise<Row>) => {
    if (!name.includes(only)) return;
    rows[name] = await measure();
    console.error(name, JSON.stringify(rows[name]));
  };
  await add("first token, cold, tiny model", () => compareCold(tiny, 40, 1 / 1.2));
  await add("first token, cold, 0.5 B (load time)", () => compareCold(large, 2 * rounds));
  for (const [name, measure] of Object.entries(measures)) await add(name, () => compare(large, measure));
  return rows;
};

/** The files that are measured; the large one is made once, which takes a while. */
export const benchModels = async (): Promise<{ large: string; tiny: string }> => {
  mkdirSync(build, { recursive: true });
  const large = join(build, "0.5b.gguf");
  const tiny = join(build, "tiny.gguf");
  if (!existsSync(large)) await writeBenchModel(large, "0.5b");
  await Bun.write(tiny, buildModel("tiny-hello", "Q8_0"));
  return { large, tiny };
};
