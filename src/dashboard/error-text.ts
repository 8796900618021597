import { isRecord, parseJson } from "../core/json.ts";

/** The message of an error, whose dialect it may be. */
export const errorText = (body: string, otherwise: string): string => {
  const json = parseJson(body);
  const error = isRecord(json) ? json.error : undefined;
  const message = isRecord(error) ? error.message : error;
  return typeof message === "string" && message !== "" ? message : otherwise;
};
