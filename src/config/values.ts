import { AppError } from "../core/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A whole number from a variable. Throws `invalid_argument`, which names it. */
export const wholeNumber = (env: Environment, name: string, min: number, max: number, fallback: number): number => {
  const text = env[name]?.trim();
  if (!text) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new AppError("invalid_argument", `invalid ${name} "${text}": expected a whole number from ${min} to ${max}`);
  }
  return value;
};

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** A size such as `1073741824`, `512MiB` or `2GB`. Throws `invalid_argument`, which names the variable. */
export const parseBytes = (env: Environment, name: string, fallback: number): number => {
  const text = env[name]?.trim();
  if (!text) return Math.floor(fallback);
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = unitBytes[unit.toLowerCase()];
  const bytes = Math.floor(Number(number) * (factor ?? Number.NaN));
  if (number !== "" && Number.isSafeInteger(bytes)) return bytes;
  throw new AppError("invalid_argument", `invalid ${name} "${text}": expected a size such as 0, 512MiB or 2GB`);
};
