import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { isTooDeep, parseJson } from "../core/json.ts";
import { readBody } from "./read-body.ts";

const decoder = new TextDecoder();

/** The JSON value that a request carries. Throws `invalid_argument`, and `request_timeout` for a body that comes too slowly. */
export const readJson = async (request: Request, clock?: Clock): Promise<unknown> =>
  parseBody(await readBody(request, clock));

/** The JSON value that a request's body is. Throws `invalid_argument` for what is none, or nested deeper than anybody means. */
export const parseBody = (bytes: Uint8Array): unknown => {
  if (bytes.length === 0) throw new AppError("invalid_argument", "missing request body");
  const value = parseJson(decoder.decode(bytes));
  if (value === undefined) throw new AppError("invalid_argument", "invalid JSON in the request body");
  if (isTooDeep(value)) throw new AppError("invalid_argument", "the JSON in the request body is nested too deeply");
  return value;
};
