import type { OllamaChatRequest, OllamaThink } from "../api/ollama.ts";
import { parseDuration } from "../core/duration.ts";
import { AppError } from "../core/errors.ts";
import { parseJson } from "../core/json.ts";

export interface RunFlags {
  think: string | undefined;
  format: string | undefined;
  keepalive: string | undefined;
}

/** The flags of `run` as the request's fields. Throws `invalid_argument` before anything is asked of a server. */
export const toRequestOptions = ({
  think,
  format,
  keepalive,
}: RunFlags): Omit<OllamaChatRequest, "model" | "messages"> => ({
  ...(think === undefined ? {} : { think: parseThink(think) }),
  ...(format === undefined || format === "" ? {} : { format: parseFormat(format) }),
  ...(keepalive === undefined ? {} : { keep_alive: parseKeepAlive(keepalive) }),
});

const thinkValues: Readonly<Record<string, OllamaThink>> = {
  true: true,
  false: false,
  low: "low",
  medium: "medium",
  high: "high",
  max: "max",
};

const parseThink = (text: string): OllamaThink => {
  const value = Object.hasOwn(thinkValues, text) ? thinkValues[text] : undefined;
  if (value !== undefined) return value;
  throw new AppError(
    "invalid_argument",
    `invalid value for --think: "${text}" (must be true, false, high, medium, low, or max)`,
  );
};

const parseFormat = (text: string): "json" | Record<string, unknown> => {
  if (text === "json") return "json";
  const schema = parseJson(text);
  if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) return schema as Record<string, unknown>;
  throw new AppError(
    "invalid_argument",
    `invalid value for --format: expected json or a JSON schema, such as {"type":"object"}`,
  );
};

/** Checked here, sent as it was written: a number is seconds, `5m` a duration, `-1` for ever. */
const parseKeepAlive = (text: string): number | string => {
  parseDuration(text);
  return /^[+-]?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text.trim();
};
