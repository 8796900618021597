import type { OllamaMetrics } from "../../api/ollama.ts";

/** What `--verbose` prints after an answer, as Ollama does; what the server did not measure is left out. */
export const renderTimings = (metrics: OllamaMetrics): string => {
  const {
    total_duration: total = 0,
    load_duration: load = 0,
    prompt_eval_count: promptTokens = 0,
    prompt_eval_duration: promptNs = 0,
    eval_count: tokens = 0,
    eval_duration: evalNs = 0,
  } = metrics;
  const rows: [boolean, string, string][] = [
    [total > 0, "total duration", goDuration(total)],
    [load > 0, "load duration", goDuration(load)],
    [promptTokens > 0, "prompt eval count", `${promptTokens} token(s)`],
    [promptNs > 0, "prompt eval duration", goDuration(promptNs)],
    [promptNs > 0, "prompt eval rate", rate(promptTokens, promptNs)],
    [tokens > 0, "eval count", `${tokens} token(s)`],
    [evalNs > 0, "eval duration", goDuration(evalNs)],
    [evalNs > 0, "eval rate", rate(tokens, evalNs)],
  ];
  return rows
    .filter(([known]) => known)
    .map(([, label, value]) => `${`${label}:`.padEnd(22)}${value}\n`)
    .join("");
};

const rate = (tokens: number, ns: number): string => `${((tokens * 1e9) / ns).toFixed(2)} tokens/s`;

/** Nanoseconds as Go prints a duration: `1m2.5s`, `1.234567891s`, `12.5ms`, `800ns`. */
export const goDuration = (ns: number): string => {
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const wholeMinutes = Math.floor(ns / 60e9);
  const hours = Math.floor(wholeMinutes / 60);
  // Subtracted in whole nanoseconds: 60.1 % 60 would print 0.10000000000000142.
  const seconds = `${(ns - wholeMinutes * 60e9) / 1e9}s`;
  if (hours > 0) return `${hours}h${wholeMinutes % 60}m${seconds}`;
  return wholeMinutes > 0 ? `${wholeMinutes}m${seconds}` : seconds;
};
