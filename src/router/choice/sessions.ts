/** Where sessions were last; bounded, the least lately used go first. */
export interface Sessions {
  readonly size: number;
  find(session: string, model: string, nowMs: number): string | undefined;
  note(session: string, model: string, nodeId: string, nowMs: number): void;
}

const sessionsMax = 50_000; // about 5 MB; a session is known by its hash, however long its name
const ttlMs = 60 * 60_000; // no node keeps a prompt longer

export const createSessions = (max = sessionsMax): Sessions => {
  const seen = new Map<bigint, { readonly nodeId: string; readonly usedMs: number }>();
  const keyOf = (session: string, model: string) => Bun.hash.xxHash64(`${model.toLowerCase()}\n${session}`);
  return {
    get size() {
      return seen.size;
    },
    find(session, model, nowMs) {
      const found = seen.get(keyOf(session, model));
      return found && nowMs - found.usedMs < ttlMs ? found.nodeId : undefined;
    },
    note(session, model, nodeId, nowMs) {
      const key = keyOf(session, model);
      seen.delete(key);
      seen.set(key, { nodeId, usedMs: nowMs });
      for (const [oldest, { usedMs }] of seen) {
        if (seen.size <= max && nowMs - usedMs < ttlMs) return;
        seen.delete(oldest);
      }
    },
  };
};
