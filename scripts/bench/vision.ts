import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeBenchProjector } from "../fixtures/bench-projector.ts";
import { encodePng } from "../fixtures/png.ts";
import { freePort } from "../free-port.ts";
import { buildLlamaServer } from "../llama-server.ts";
import { benchModels } from "./engine.ts";
import { executable, homeWith, launch } from "./engine-peers.ts";

const rounds = 6;
const threads = 2;
const contextTokens = 4096;
const width = 896; // of the 0.5 B model
const bar = 1 / 1.05;

/** Milliseconds to the first token of an answer about a picture. */
interface Seer {
  ask(picture: Uint8Array, question: string): Promise<number>;
  stop(): Promise<unknown>;
}

const startOwn = async (model: string, projector: string): Promise<Seer> => {
  const { home, remove } = await homeWith(model, projector);
  const port = await freePort();
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: home,
    LLMLB_MODELS: join(home, "models"),
    LLMLB_NUM_PARALLEL: "1",
    LLMLB_CONTEXT_LENGTH: String(contextTokens),
    LLMLB_NUM_THREADS: String(threads),
  };
  const { base, stop } = await launch([executable, "node", "serve", "--port", String(port)], env, port);
  return { ask: askOf(base), stop: () => stop().finally(remove) };
};

const startPeer = async (model: string, projector: string): Promise<Seer> => {
  const port = await freePort();
  const sizes = ["-c", contextTokens, "-np", 1, "-t", threads, "--port", port].map(String);
  const command = [await buildLlamaServer(), "-m", model, "--mmproj", projector, ...sizes, "--no-webui"];
  const { base, stop } = await launch(command, { PATH: process.env.PATH ?? "" }, port);
  return { ask: askOf(base), stop };
};

const askOf = (base: string) => async (picture: Uint8Array, text: string) => {
  const url = `data:image/png;base64,${picture.toBase64()}`;
  const content = [
    { type: "image_url", image_url: { url } },
    { type: "text", text },
  ];
  const startMs = performance.now();
  const messages = [{ role: "user", content }];
  const body = JSON.stringify({ model: "bench/model", messages, temperature: 0, max_tokens: 2, stream: true });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${base}/v1/chat/completions`, { method: "POST", headers, body, keepalive: false });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  let firstMs = 0;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream()))
    if (firstMs === 0 && /"content":"[^"]/.test(chunk)) firstMs = performance.now() - startMs;
  return firstMs;
};

/** A photograph's size, and never the same twice. */
const newPicture = (seed: number): Uint8Array =>
  encodePng({
    width: 800,
    height: 600,
    colourAt: (x, y) => [(x * seed) & 255, (y + seed * 7) & 255, ((x ^ y) + seed) & 255],
  });

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Time to the first token beside llama-server's with the same files: of a new picture, and of a second question about it. */
export const benchVision = async () => {
  const { large } = await benchModels();
  const projector = join(dirname(large), "mmproj-0.5b.gguf");
  if (!existsSync(projector)) await writeBenchProjector(projector, width);
  const seers = { llmlb: await startOwn(large, projector), "llama-server": await startPeer(large, projector) };
  const times = { new: { llmlb: [], "llama-server": [] }, second: { llmlb: [], "llama-server": [] } } as Record<
    "new" | "second",
    Record<keyof typeof seers, number[]>
  >;
  try {
    for (let round = 0; round < rounds; round++)
      for (const name of ["llmlb", "llama-server"] as const) {
        await seers[name].ask(newPicture(1000), "Who follows the other is slower: unmeasured."); // caches of the processor
        const picture = newPicture(round * 2 + (name === "llmlb" ? 1 : 2));
        times.new[name].push(await seers[name].ask(picture, "What is this?"));
        times.second[name].push(await seers[name].ask(picture, "And what is that in the background?"));
      }
  } finally {
    for (const seer of Object.values(seers)) await seer.stop();
  }
  const rowOf = (values: Record<keyof typeof seers, number[]>) => {
    const [own, peer] = [median(values.llmlb), median(values["llama-server"])];
    return { llmlb: own, "llama-server": peer, unit: "ms", ratio: peer / own, bar };
  };
  return { "first token, new picture": rowOf(times.new), "first token, second question": rowOf(times.second) };
};
