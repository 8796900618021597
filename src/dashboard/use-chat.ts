import { useRef, useState } from "preact/hooks";
import { readSseJson } from "../client/sse.ts";
import { AppError } from "../core/errors.ts";
import type { Api } from "./api.ts";
import { type ChatChunk, type Turn, toMessages, withChunk } from "./chat-turn.ts";
import { reasonNames } from "./reason-names.ts";
import type { Texts } from "./use-texts.ts";

export interface Chat {
  turns: readonly Turn[];
  isBusy: boolean;
  send(model: string, turn: Turn): Promise<void>;
  stop(): void;
  clear(): void;
}

/** A conversation with a model, through the router's own API. */
export const useChat = (api: Api, texts: Texts): Chat => {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [stopper, setStopper] = useState<AbortController>();
  const current = useRef<AbortController>();
  const stop = (): void => stopper?.abort();
  return {
    turns,
    isBusy: stopper !== undefined,
    stop,
    clear() {
      stop();
      current.current = undefined;
      setStopper(undefined);
      setTurns([]);
    },
    async send(model, turn) {
      const mine = new AbortController();
      current.current = mine;
      const before = [...turns, turn];
      setStopper(mine);
      for await (const answer of answerOf({ api, texts, model, turns: before, signal: mine.signal })) {
        if (current.current !== mine) return; // a new chat has begun
        setTurns([...before, answer]);
      }
      setStopper(undefined);
    },
  };
};

interface Asking {
  api: Api;
  texts: Texts;
  model: string;
  turns: readonly Turn[];
  signal: AbortSignal;
}

/** The answer as it grows; how it went is told by its last state, never thrown. */
async function* answerOf({ api, texts, model, turns, signal }: Asking): AsyncGenerator<Turn> {
  const { t } = texts;
  let answer: Turn = { role: "assistant", content: "" };
  yield answer;
  try {
    const body = { model, messages: toMessages(turns), stream: true, stream_options: { include_usage: true } };
    const response = await api.stream("/v1/chat/completions", body, signal);
    const speed = createSpeed();
    const chunks = readSseJson<ChatChunk>(response.body ?? new ReadableStream(), () => cut(t("chatCut")));
    for await (const chunk of chunks) {
      speed.add(chunk);
      answer = withChunk(answer, chunk);
      yield answer;
    }
    yield { ...answer, note: note(texts, response.headers, speed.tokensPerSecond()) };
  } catch (error) {
    if (signal.aborted) yield { ...answer, note: t("chatStopped") };
    else yield { ...answer, failed: true, note: error instanceof Error ? error.message : String(error) };
  }
}

const cut = (message: string) => new AppError("connection", message);

const shortestMs = 20; // pieces that come together in one packet have no speed

/** Measured here, so that the way through the router is a part of it. */
const createSpeed = () => {
  let firstMs: number | undefined;
  let lastMs = 0;
  let tokens: number | undefined;
  return {
    add({ choices, usage }: ChatChunk) {
      if (choices?.[0]?.delta) {
        lastMs = performance.now();
        firstMs ??= lastMs;
      }
      tokens = usage?.completion_tokens ?? tokens;
    },
    tokensPerSecond: () =>
      tokens !== undefined && tokens > 1 && firstMs !== undefined && lastMs - firstMs > shortestMs
        ? ((tokens - 1) * 1000) / (lastMs - firstMs)
        : undefined,
  };
};

const note = ({ t, format }: Texts, headers: Headers, speed: number | undefined): string => {
  const node = headers.get("x-llmlb-node");
  const reason = headers.get("x-llmlb-reason") ?? "";
  const name = reasonNames[reason];
  return [
    node && t("chatDetails", { node, reason: name ? t(name) : reason }),
    speed !== undefined && t("chatSpeed", { speed: format.rate(speed) }),
  ]
    .filter(Boolean)
    .join(" · ");
};
