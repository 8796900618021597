import type { NodeReport } from "../../api/node.ts";
import type { Client } from "../../client/client.ts";
import type { Clock } from "../../core/clock.ts";
import type { Output } from "../output.ts";
import { startSpinner } from "./spinner.ts";

/** What is shown while there is nothing of an answer yet. */
export interface WaitView {
  /** Names the wait from now on: the node is no longer asked. */
  say(words: string): void;
  /** Wipes it. Safe to call twice. */
  end(): Promise<void>;
}

export interface WaitOptions {
  client: Pick<Client, "node">;
  /** Of the model that is waited for; undefined where the server does not tell: it is no node then. */
  digest: string | undefined;
  output: Output;
  clock: Clock;
}

const firstLookMs = 300; // most answers are there before
const lookEveryMs = 500;

/** A spinner that names the wait, on a terminal only: the node is asked beside the request, which so stays Ollama's. */
export const showWait = async ({ client, digest, output, clock }: WaitOptions): Promise<WaitView> => {
  const spinner = await startSpinner(output, clock);
  const left = new AbortController();
  let cancel = (): void => undefined;
  const look = async (known: string) => {
    // A server without such a report, or one that does not answer: the wait just has no name.
    const report = await client.node(left.signal).catch(() => undefined);
    if (left.signal.aborted || !report) return;
    spinner.say(waitWords(report, known));
    lookIn(lookEveryMs, known);
  };
  const lookIn = (ms: number, known: string) => {
    cancel = clock.after(ms, () => void look(known));
  };
  if (digest !== undefined && output.isTty) lookIn(firstLookMs, digest);
  const leave = () => {
    left.abort();
    cancel();
  };
  return {
    say(words) {
      leave();
      spinner.say(words);
    },
    async end() {
      leave();
      await spinner.stop();
    },
  };
};

/** Empty where nobody knows, as before a load begins. */
export const waitWords = ({ loading = [], models }: Pick<NodeReport, "loading" | "models">, digest: string): string => {
  const load = loading.find((model) => model.digest === digest);
  if (load) return `loading model ${Math.floor(load.progress * 100)} %`;
  return models.some((model) => model.digest === digest) ? "reading prompt" : "";
};
