const firstMs = 500;
const mostMs = 30_000;

/** Wait before attempt number `failures` + 1, in milliseconds: doubling, with jitter so that many clients do not return together. */
export const backoffMs = (failures: number, random: number = Math.random()): number =>
  Math.round(Math.min(mostMs, firstMs * 2 ** Math.max(0, failures - 1)) * (0.5 + random / 2));

const serverWaitMaxMs = 10 * 60_000; // Hugging Face's windows are 5 minutes; more would look like a hang

/**
 * How long the server asks to wait, in milliseconds: `RateLimit: "resolvers";r=0;t=55`, else `Retry-After` in seconds or as a date.
 * Undefined when it does not say.
 */
export const serverWaitMs = (headers: Headers, nowMs: number): number | undefined => {
  const window = /(?:^|[;,\s])t=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1];
  const retryAfter = headers.get("retry-after")?.trim();
  const seconds = window ?? (retryAfter && /^\d+$/.test(retryAfter) ? retryAfter : undefined);
  if (seconds !== undefined) return Math.min(Number(seconds) * 1000, serverWaitMaxMs);
  const date = retryAfter ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - nowMs), serverWaitMaxMs);
};
