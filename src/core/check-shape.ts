import { AppError } from "./errors.ts";

/**
 * What `translate` makes of a request's body. Schemas check a body where all clients agree what it is; what does not fit deeper inside shows
 * as a TypeError of the translation, which is pure and reads nothing else. Throws `invalid_argument`.
 */
export const checkShape = <T>(translate: () => T): T => {
  try {
    return translate();
  } catch (error) {
    if (error instanceof TypeError)
      throw new AppError("invalid_argument", "the request body has not the shape of its API", { cause: error });
    throw error;
  }
};
