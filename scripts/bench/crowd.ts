import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { NodeReport } from "../../src/api/node.ts";
import { buildModel } from "../fixtures/models.ts";
import { freePort } from "../free-port.ts";
import { executable, homeWith, launch } from "./engine-peers.ts";
import { type Sample, sampleProcess } from "./process-sample.ts";

const clients = 200;
const rounds = 50; // more than one turn of the garbage collector
const answerTokens = 100;
/** What tiny-endless says. */
const expected = `tick${" tock tick".repeat(answerTokens / 2)}`.split(" ").slice(0, answerTokens).join(" ");

interface Dialect {
  path: string;
  body: object;
  /** The text of one line of the stream. */
  textOf(line: string): string;
}

const messages = [{ role: "user", content: "hi" }];
const data = (line: string) => (/^data: \{/.test(line) ? JSON.parse(line.slice("data: ".length)) : {});

const dialects: Dialect[] = [
  {
    path: "/v1/chat/completions",
    body: { messages, max_tokens: answerTokens },
    textOf: (line) => data(line).choices?.[0]?.delta.content ?? "",
  },
  {
    path: "/v1/messages",
    body: { messages, max_tokens: answerTokens },
    textOf: (line) => data(line).delta?.text ?? "",
  },
  {
    path: "/api/chat",
    body: { messages, options: { num_predict: answerTokens } },
    textOf: (line) => JSON.parse(line).message?.content ?? "",
  },
];

export interface Crowd {
  clients: number;
  /** Whole answers, every one compared with what the model says. */
  answered: number;
  left: number;
  /** After each round, once no slot is busy. */
  samples: Sample[];
}

/** 200 streaming clients at once, again and again; a third of them leaves somewhere in the middle. No text may be wrong, no slot stay busy. */
export const benchCrowd = async (): Promise<Crowd> => {
  const folder = join(import.meta.dir, "../../build/bench");
  mkdirSync(folder, { recursive: true });
  const model = join(folder, "endless.gguf");
  await Bun.write(model, buildModel("tiny-endless", "Q8_0"));
  const { home, remove } = await homeWith(model);
  const port = await freePort();
  const env = { PATH: process.env.PATH ?? "", HOME: home, LLMLB_MODELS: join(home, "models") };
  const node = await launch([executable, "node", "serve", "--port", String(port)], env, port);
  const crowd: Crowd = { clients, answered: 0, left: 0, samples: [] };
  try {
    for (let round = 1; round <= rounds; round++) {
      await Promise.all(Array.from({ length: clients }, (_, index) => visit(node.base, index, crowd)));
      await untilIdle(node.base);
      crowd.samples.push(sampleProcess(node.pid, round));
    }
    return crowd;
  } finally {
    await node.stop();
    remove();
  }
};

const visit = async (base: string, index: number, crowd: Crowd): Promise<void> => {
  const dialect = dialects[index % dialects.length] as Dialect;
  const leavesAfter = Math.random() < 1 / 3 ? Math.random() * expected.length : Number.POSITIVE_INFINITY;
  const controller = new AbortController();
  const response = await fetch(base + dialect.path, {
    method: "POST",
    body: JSON.stringify({ model: "bench/model", stream: true, ...dialect.body }),
    signal: controller.signal,
  });
  if (!response.ok) throw new Error(`${dialect.path}: ${response.status} ${await response.text()}`);
  let text = "";
  let rest = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) text += dialect.textOf(line);
    if (text.length < leavesAfter) continue;
    controller.abort();
    crowd.left++;
    return;
  }
  if (text !== expected) throw new Error(`${dialect.path} said ${JSON.stringify(text)}`);
  crowd.answered++;
};

export const untilIdle = async (base: string): Promise<void> => {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { models } = (await (await fetch(`${base}/api/node`)).json()) as NodeReport;
    if (models.every(({ busy_slots, queued }) => busy_slots === 0 && queued === 0)) return;
    if (Date.now() > deadline) throw new Error(`slots stay busy: ${JSON.stringify(models)}`);
    await Bun.sleep(20);
  }
};
