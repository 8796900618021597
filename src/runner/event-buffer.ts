import type { GenerationEvent } from "../core/generation.ts";

/**
 * Events on their way to one consumer. Neighbouring pieces of the same text are one event, so that what a slow consumer leaves
 * behind is never more than the answer itself.
 */
export interface EventBuffer {
  push(events: readonly GenerationEvent[]): void;
  /** Ends the stream with an error, after what is buffered. */
  fail(error: Error): void;
  /** The next event; waits for one. Throws the error once everything before it is taken. */
  next(): Promise<GenerationEvent>;
}

export const eventBuffer = (): EventBuffer => {
  const events: GenerationEvent[] = [];
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const changed = () => {
    wake?.();
    wake = undefined;
  };
  return {
    push(added) {
      for (const event of added) {
        const last = events.at(-1);
        const merged = last && merge(last, event);
        if (merged) events[events.length - 1] = merged;
        else events.push(event);
      }
      changed();
    },
    fail(error) {
      failure ??= error;
      changed();
    },
    async next() {
      while (true) {
        const event = events.shift();
        if (event) return event;
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
