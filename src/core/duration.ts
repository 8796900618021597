import { AppError } from "./errors.ts";

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's duration syntax, as Ollama takes it (`1h30m`, `300ms`, `-1s`); a bare number is seconds. Returns milliseconds, negative = for ever. */
export const parseDuration = (text: string | number): number => {
  const trimmed = String(text).trim();
  if (/^[+-]?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  const [, sign, body] = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(trimmed) ?? [];
  if (body === undefined)
    throw new AppError(
      "invalid_argument",
      `invalid duration "${text}": expected seconds or a value such as 5m or 1h30m`,
    );
  const totalMs = [...body.matchAll(/(\d+(?:\.\d*)?)([a-zµμ]+)/g)].reduce(
    (sum, [, value, unit]) => sum + Number(value) * (unitMs[unit ?? ""] ?? 0),
    0,
  );
  return sign === "-" ? -totalMs : totalMs;
};
