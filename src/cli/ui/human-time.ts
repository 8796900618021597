const plural = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? "" : "s"}`;

/** A length of time in Ollama's words: `Less than a second`, `About an hour`, `3 weeks`. */
export const humanDuration = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds < 60) return plural(seconds, "second");
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return plural(minutes, "minute");
  const hours = Math.round(ms / 3_600_000);
  if (hours === 1) return "About an hour";
  if (hours < 48) return plural(hours, "hour");
  const days = Math.floor(hours / 24);
  if (days < 14) return plural(days, "day");
  if (days < 60) return plural(Math.floor(days / 7), "week");
  if (days < 730) return plural(Math.floor(days / 30), "month");
  return plural(Math.floor(days / 365), "year");
};

const foreverMs = 20 * 365 * 24 * 3_600_000; // Ollama's clients take what lies further ahead as "never unloaded"

/**
 * An RFC 3339 time relative to `nowMs`: `2 hours ago`, `4 minutes from now`, `Forever` beyond 20 years.
 * Go's zero time (year 1) and what is no time at all give `zero`.
 */
export const humanTime = (timestamp: string, nowMs: number, zero: string): string => {
  const timeMs = Date.parse(timestamp);
  if (Number.isNaN(timeMs) || timestamp.startsWith("0001-")) return zero;
  const aheadMs = timeMs - nowMs;
  if (aheadMs > foreverMs) return "Forever";
  return aheadMs > 0 ? `${humanDuration(aheadMs)} from now` : `${humanDuration(-aheadMs)} ago`;
};
