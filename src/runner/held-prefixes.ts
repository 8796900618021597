import type { PromptPrefix } from "../core/prompt-prefix.ts";
import type { HeldPrompt } from "./protocol.ts";

/** Beginnings of prompts that a runner need not evaluate again. */
export interface HeldPrefixes {
  /** Grows with each change. */
  readonly generation: number;
  /** Marks of `hashPrompt`: of the prompt that was used last first, and of each prompt from its beginning on. */
  readonly marks: readonly bigint[];
  /** False = it holds more, which is left out. */
  readonly whole: boolean;
}

/**
 * Knows the marks of the requests that were sent to a runner, and so of what it holds: the runner tells the requests whose prompts lie in its
 * slots and in its prompt cache. An answer belongs to no mark, nor does a prompt of which parts were left out.
 */
export interface HeldPrefixesBook {
  sent(id: number, prefix: PromptPrefix): void;
  /** Its prompt has so many tokens. */
  begun(id: number, promptTokens: number): void;
  /** `open`: requests that have not ended. */
  told(held: readonly HeldPrompt[], open: Pick<ReadonlyMap<number, unknown>, "has">): void;
  current(): HeldPrefixes;
}

const marksMax = 2_048; // 16 KB in a report: 25 chats of 6,000 tokens, more where they share their beginnings

interface Known {
  readonly prefix: PromptPrefix;
  /** Absent = not told yet. */
  promptTokens?: number;
}

export const createHeldPrefixes = (): HeldPrefixesBook => {
  const known = new Map<number, Known>();
  let held: readonly HeldPrompt[] = [];
  let changed = false;
  let latest: HeldPrefixes = { generation: 0, marks: [], whole: true };
  return {
    sent: (id, prefix) => void known.set(id, { prefix }),
    begun(id, promptTokens) {
      const request = known.get(id);
      if (request) request.promptTokens = promptTokens;
      changed = true;
    },
    told(now, open) {
      held = now;
      changed = true;
      const needed = new Set(now.map(({ request }) => request));
      for (const id of known.keys()) if (!needed.has(id) && !open.has(id)) known.delete(id);
    },
    current() {
      if (!changed) return latest;
      changed = false;
      const { marks, whole } = marksOf(held, known);
      const same = marks.length === latest.marks.length && marks.every((mark, index) => mark === latest.marks[index]);
      if (!same || whole !== latest.whole) latest = { generation: latest.generation + 1, marks, whole };
      return latest;
    },
  };
};

const marksOf = (held: readonly HeldPrompt[], known: ReadonlyMap<number, Known>) => {
  const marks = new Set<bigint>();
  for (const { request, tokens } of held) {
    const prompt = known.get(request);
    if (!prompt) continue;
    for (const mark of prompt.prefix.prefix.slice(0, countHeld(prompt, tokens))) {
      marks.add(mark);
      if (marks.size > marksMax) return { marks: [...marks].slice(0, marksMax), whole: false };
    }
  }
  return { marks: [...marks], whole: true };
};

/** How many of a prompt's marks lie within its first `tokens` tokens. Where they stand is an estimate that the prompt's true length corrects. */
const countHeld = ({ prefix, promptTokens = prefix.promptTokens }: Known, tokens: number): number => {
  if (tokens >= promptTokens) return prefix.prefix.length;
  const upTo = (tokens / Math.max(1, promptTokens)) * prefix.promptTokens;
  const beyond = prefix.prefixTokens.findIndex((end) => end > upTo);
  return beyond < 0 ? prefix.prefix.length : beyond;
};
