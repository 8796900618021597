import type { GenerationEvent } from "../core/generation.ts";
import { type WithLogprobs, withLogprobs } from "./logprobs.ts";

export interface ChoiceEvent extends WithLogprobs {
  /** Which of the streams it is of. */
  index: number;
}

/** Several answers as they come; one that fails ends all. Leaving early ends them too. */
export async function* mergeChoices(streams: readonly AsyncIterable<GenerationEvent>[]): AsyncGenerator<ChoiceEvent> {
  const [only] = streams;
  if (only && streams.length === 1) {
    for await (const piece of withLogprobs(only)) yield { index: 0, ...piece };
    return;
  }
  const sources = streams.map(withLogprobs);
  const pending = new Map<number, Promise<{ index: number; result: IteratorResult<WithLogprobs> }>>();
  const advance = (source: AsyncGenerator<WithLogprobs>, index: number) =>
    void pending.set(
      index,
      source.next().then((result) => ({ index, result })),
    );
  sources.forEach(advance);
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      const source = sources[index];
      if (result.done || !source) pending.delete(index);
      else {
        advance(source, index);
        yield { index, ...result.value };
      }
    }
  } finally {
    for (const next of pending.values()) next.catch(() => undefined); // whose fault is told already
    await Promise.allSettled(sources.map((source) => source.return(undefined)));
  }
}
