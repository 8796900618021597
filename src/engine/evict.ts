/** What the choice needs to know of a loaded model. */
export interface Evictable {
  /** Requests that use it or wait for it. */
  users: number;
  lastUsedMs: number;
}

/**
 * The idle models to unload so that one more fits under `max`, least recently used first. Undefined when busy ones leave no room:
 * then somebody has to wait.
 */
export const evict = <T extends Evictable>(loaded: readonly T[], max: number): T[] | undefined => {
  const excess = loaded.length + 1 - max;
  if (excess <= 0) return [];
  const idle = loaded.filter((model) => model.users === 0).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  return idle.length < excess ? undefined : idle.slice(0, excess);
};
