import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { readBody } from "./read-body.ts";

const decoder = new TextDecoder();

/** The JSON value that a request carries. Throws `invalid_argument`, and `request_timeout` for a body that comes too slowly. */
export const readJson = async (request: Request, clock?: Clock): Promise<unknown> => {
  const text = decoder.decode(await readBody(request, clock));
  if (text === "") throw new AppError("invalid_argument", "missing request body");
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("invalid_argument", "invalid JSON in the request body");
  }
};
