import type { RecentRequest } from "../api/router.ts";

const shortestMs = 20; // what is counted in milliseconds says nothing of less

/** How fast an answer came after its first token; undefined where that is not known, or too short a time to say. */
export const tokensPerSecond = ({ tokens, first_byte_ms: firstMs, duration_ms: ms }: RecentRequest) => {
  if (tokens === undefined || firstMs === undefined || tokens < 2 || ms - firstMs < shortestMs) return undefined;
  return ((tokens - 1) * 1000) / (ms - firstMs);
};
