import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../fixtures/models.ts";
import { untilIdle } from "./crowd.ts";
import { ask, benchModels, type Row, toRow } from "./engine.ts";
import { enginePeers, executable, type Peer } from "./engine-peers.ts";

const rounds = 12;
const threads = 2;
const stepMs = 50; // more than a step of either model takes
const ctrlC = "\x03";
/** What the spinner says goodbye with; the first visible character after it is the answer's. */
const spinnerEnd = "\x1b[K\x1b[?25h";

let unique = 0;
/** About 20 tokens for these models, and unlike every earlier one from the first on. */
const question = () => `${unique++} and a quick brown fox`;

/** From Enter in the chat on a pseudo-terminal to the first visible character, beside llama-server's API asked without a chat. */
export const benchRepl = async (): Promise<Record<string, Row>> => {
  const { large } = await benchModels();
  const folder = join(import.meta.dir, "../../build/bench");
  mkdirSync(folder, { recursive: true });
  const tiny = join(folder, "endless.gguf");
  await Bun.write(tiny, buildModel("tiny-endless", "Q8_0"));
  return { "tiny model": await compare(tiny), "0.5 B": await compare(large) };
};

/** Both servers stay up and take turns; each has an unmeasured answer before the measured one, as in `bench engine`. */
const compare = async (file: string): Promise<Row> => {
  const { peers, remove } = await enginePeers({ file, slots: 1, contextTokens: 4096, threads });
  const [own, other] = await Promise.all(peers.map((peer) => peer.start()));
  const chat = await openChat(own?.base ?? "");
  const measures: Record<Peer["name"], () => Promise<number>> = {
    llmlb: () => chat.firstTokenMs(question()),
    "llama-server": async () => {
      const answer = await ask(other?.base ?? "", [{ role: "user", content: question() }], 2);
      return answer.firstTokenMs;
    },
  };
  const values: Record<Peer["name"], number[]> = { llmlb: [], "llama-server": [] };
  try {
    for (let round = 0; round < rounds; round++)
      for (const { name } of round % 2 ? peers : peers.toReversed()) {
        await measures[name]();
        values[name].push(await measures[name]());
      }
    return toRow(values, "ms");
  } finally {
    await chat.close();
    await own?.stop();
    await other?.stop();
    remove();
  }
};

/** The chat of the executable on a pseudo-terminal. */
const openChat = async (host: string) => {
  const home = mkdtempSync(join(tmpdir(), "llmlb-bench-repl-"));
  const screen = followScreen();
  const child = Bun.spawn([executable, "node", "run", "bench/model"], {
    cwd: home,
    env: { PATH: process.env.PATH ?? "", HOME: home, LLMLB_HOST: host, TERM: "xterm-256color" },
    terminal: screen.options,
  });
  const write = (keys: string) => void child.terminal?.write(keys);
  await screen.until((text) => text.includes(">>> "));
  return {
    async firstTokenMs(text: string): Promise<number> {
      write(text);
      await screen.until((shown) => shown.includes(text));
      const startMs = performance.now();
      write("\r");
      await screen.until(hasAnswer);
      const tookMs = performance.now() - startMs;
      write(ctrlC);
      await screen.until((shown) => shown.includes(">>> "));
      write("/clear\r");
      await screen.until((shown) => /Cleared[\s\S]*>>> /.test(shown));
      await untilIdle(host);
      await Bun.sleep(stepMs); // the node lets go at once, the step that Ctrl+C came upon ends a little later
      return tookMs;
    },
    async close() {
      child.kill();
      await child.exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
};

const hasAnswer = (shown: string): boolean => {
  const at = shown.indexOf(spinnerEnd);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's escape sequences
  return at >= 0 && /\S/.test(shown.slice(at + spinnerEnd.length).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, ""));
};

/** What the program has written since the last wait. */
const followScreen = () => {
  const decoder = new TextDecoder();
  let text = "";
  let wake = () => {};
  const options: Bun.TerminalOptions = {
    cols: 120,
    rows: 40,
    data(_terminal, data) {
      text += decoder.decode(data, { stream: true });
      wake();
    },
  };
  return {
    options,
    /** Resolves once what was written since the last call is as wanted. */
    async until(isThere: (text: string) => boolean) {
      while (!isThere(text))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      text = "";
    },
  };
};
