import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { benchModels } from "./engine.ts";
import { executable, homeWith, launch } from "./engine-peers.ts";
import { type Sample, sampleProcess } from "./process-sample.ts";

const atOnce = 16;

export interface Soak {
  /** One load, one answer and one unload each. */
  cycles: Sample[];
  /** Answers of one model that stays loaded. */
  requests: Sample[];
}

/** Many loads and many answers of a tiny model: everything that is counted has to stay where it is after the first tenth. */
export const benchSoak = async ({ cycles = 1000, requests = 10_000 } = {}): Promise<Soak> => {
  const { tiny } = await benchModels();
  const { home, remove } = await homeWith(tiny);
  const port = await freePort();
  const env = { PATH: process.env.PATH ?? "", HOME: home, LLMLB_MODELS: join(home, "models") };
  const node = await launch([executable, "node", "serve", "--port", String(port)], env, port);
  const ask = async (more: object) => {
    const body = JSON.stringify({ model: "bench/model", prompt: "hi", stream: false, ...more });
    const response = await fetch(`${node.base}/api/generate`, { method: "POST", body });
    const answer = (await response.json()) as { response?: string };
    if (answer.response !== "Hello! I am a tiny model.") throw new Error(`wrong answer: ${JSON.stringify(answer)}`);
  };
  try {
    return {
      cycles: await repeat(node.pid, cycles, () => ask({ keep_alive: 0 })),
      requests: await repeat(node.pid, Math.ceil(requests / atOnce), () =>
        Promise.all(Array.from({ length: atOnce }, () => ask({}))),
      ),
    };
  } finally {
    await node.stop();
    remove();
  }
};

const repeat = async (pid: number, times: number, act: () => Promise<unknown>): Promise<Sample[]> => {
  const samples: Sample[] = [];
  for (let done = 1; done <= times; done++) {
    await act();
    if (done % Math.floor(times / 10) === 0) samples.push(sampleProcess(pid, done));
  }
  return samples;
};
