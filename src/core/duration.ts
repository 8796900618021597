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
  const ms = /^[+-]?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) * 1000 : goDurationMs(trimmed);
  if (ms !== undefined && Math.abs(ms) <= mostMs) return ms;
  throw new AppError(
    "invalid_argument",
    `invalid duration "${shorten(String(text))}": expected seconds or a value such as 5m or 1h30m`,
  );
};

/** What Go's 64 bits of nanoseconds hold: 292 years. */
const mostMs = 2 ** 63 / 1e6;

const shorten = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text);

const goDurationMs = (text: string): number | undefined => {
  const [, sign, body] = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (body === undefined) return undefined;
  const totalMs = [...body.matchAll(/(\d+(?:\.\d*)?)([a-zµμ]+)/g)].reduce(
    (sum, [, value, unit]) => sum + Number(value) * (unitMs[unit ?? ""] ?? 0),
    0,
  );
  return sign === "-" ? -totalMs : totalMs;
};
