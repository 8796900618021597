import type { EventQueue } from "./event-queue.ts";

/** A piece of a prompt; what is before it is part of its name, so equal ids are equal beginnings. */
export interface Piece {
  id: string;
  tokens: number;
}

export interface FleetNodeSpec {
  slots: number;
  promptTokensPerSecond: number;
  /** Of one answer alone, and of all together. */
  streamTokensPerSecond: number;
  totalTokensPerSecond: number;
  /** Evaluated tokens that it keeps; what was used least lately goes. */
  cacheTokens: number;
}

export interface FleetRequest {
  pieces: Piece[];
  answerTokens: number;
  onFirstToken(cachedTokens: number): void;
  onEnd(): void;
}

/** A node as far as a router feels it: slots, one prompt evaluated at a time, slower streams beside each other, an LRU of evaluated pieces. */
export const createFleetNode = (spec: FleetNodeSpec, events: EventQueue) => {
  const cache = new Map<string, number>();
  const waiting: FleetRequest[] = [];
  let cached = 0;
  let busySlots = 0;
  let promptsDoneMs = 0;
  let evaluated = { tokens: 0, seconds: 0 };

  const remember = (pieces: Piece[]) => {
    for (const { id, tokens } of pieces.toReversed()) {
      if (!cache.delete(id)) cached += tokens;
      cache.set(id, tokens);
    }
    for (const [id, tokens] of cache) {
      if (cached <= spec.cacheTokens) return;
      cache.delete(id);
      cached -= tokens;
    }
  };

  const start = (request: FleetRequest) => {
    busySlots++;
    // Looked up when its turn comes: the prompts before it may bring or push out what it needs.
    const begin = () => {
      const missing = request.pieces.findIndex(({ id }) => !cache.has(id));
      const known = tokensOf(missing < 0 ? request.pieces : request.pieces.slice(0, missing));
      const uncached = Math.max(1, tokensOf(request.pieces) - known);
      const seconds = uncached / spec.promptTokensPerSecond;
      evaluated = { tokens: evaluated.tokens + uncached, seconds: evaluated.seconds + seconds };
      promptsDoneMs = events.now() + seconds * 1_000;
      events.after(seconds * 1_000, () => answer(request, known));
    };
    const queueMs = Math.max(0, promptsDoneMs - events.now());
    promptsDoneMs = Math.max(promptsDoneMs, events.now());
    if (queueMs === 0) begin();
    else pending.push(begin);
  };
  const pending: (() => void)[] = [];

  const answer = (request: FleetRequest, known: number) => {
    remember(request.pieces);
    request.onFirstToken(known);
    pending.shift()?.();
    const speed = Math.min(spec.streamTokensPerSecond, spec.totalTokensPerSecond / busySlots);
    events.after((request.answerTokens / speed) * 1_000, () => {
      busySlots--;
      const next = waiting.shift();
      if (next) start(next);
      request.onEnd();
    });
  };

  return {
    send: (request: FleetRequest) => void (busySlots < spec.slots ? start(request) : waiting.push(request)),
    reading: () => ({
      slots: spec.slots,
      busySlots,
      queued: waiting.length,
      ...(evaluated.seconds > 0 ? { promptTokensPerSecond: evaluated.tokens / evaluated.seconds } : {}),
    }),
  };
};

const tokensOf = (pieces: Piece[]) => pieces.reduce((sum, { tokens }) => sum + tokens, 0);
