import type { GenerationEvent } from "../core/generation.ts";
import { ackTokens } from "./protocol.ts";

/**
 * Events on their way to one consumer. Neighbouring pieces of the same text are one event, so that what a slow consumer leaves
 * behind is never more than the answer itself.
 */
export interface EventBuffer {
  /** `tokens` = completion tokens behind the events; they count as taken once the last of the events is. */
  push(events: readonly GenerationEvent[], tokens: number): void;
  /** Ends the stream with an error, after what is buffered. */
  fail(error: Error): void;
  /** The next event; waits for one. Throws the error once everything before it is taken. */
  next(): Promise<GenerationEvent>;
}

/** `onTaken` is told how many tokens the consumer has taken with each event. */
export const eventBuffer = (onTaken: (tokens: number) => void = () => undefined): EventBuffer => {
  const items: { event: GenerationEvent; tokens: number }[] = [];
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const changed = () => {
    wake?.();
    wake = undefined;
  };
  const add = (event: GenerationEvent) => {
    const last = items.at(-1);
    const merged = last && merge(last.event, event);
    if (last && merged) last.event = merged;
    else items.push({ event, tokens: 0 });
  };
  return {
    push(events, tokens) {
      for (const event of events) add(event);
      const last = items.at(-1);
      if (last) last.tokens += tokens;
      else onTaken(tokens); // nothing to show for them: nobody lags behind
      changed();
    },
    fail(error) {
      failure ??= error;
      changed();
    },
    async next() {
      while (true) {
        const item = items.shift();
        if (item) {
          onTaken(item.tokens);
          return item.event;
        }
        if (failure) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
};

/** Both events as one, or undefined where they have to stay two. */
const merge = (last: GenerationEvent, next: GenerationEvent): GenerationEvent | undefined => {
  if ((last.type === "text" || last.type === "reasoning") && next.type === last.type)
    return { type: last.type, text: last.text + next.text };
  if (last.type === "toolCall" && next.type === "toolCall" && last.index === next.index)
    return { ...last, arguments: last.arguments + next.arguments };
  return undefined;
};

/** Adds up what a reader has taken and tells it, not more often than flow control needs. */
export const acknowledger = (tell: (tokens: number) => void): ((tokens: number) => void) => {
  let untold = 0;
  return (tokens) => {
    untold += tokens;
    if (untold < ackTokens) return;
    tell(untold);
    untold = 0;
  };
};
