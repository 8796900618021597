import { AppError } from "../../core/errors.ts";
import { isRecord } from "../../core/json.ts";
import type { Answer } from "./ask-node.ts";

/** Readers of what a node sent, which may be anything: a field of another type is as good as none. */

export type Fields = Readonly<Record<string, unknown>>;

export const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : {});

const textMaxChars = 512; // no name or version is longer; what is longer is noise that would be kept

export const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= textMaxChars ? value : undefined;

export const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;

export const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.flatMap((one) => textOf(one) ?? []).slice(0, 64) : [];

const recordsMax = 20_000; // twice the models of the largest node that is foreseen

/** The objects in a list; what is no list is empty. */
export const recordsOf = (value: unknown): Fields[] =>
  (Array.isArray(value) ? value.filter(isRecord) : []).slice(0, recordsMax);

/** `fields` without those that are undefined: an absent field means that the node does not tell. */
export const told = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

/** The body of a successful answer. Throws `unauthorized` for one that wants a key, `connection` for another refusal. */
export const bodyOf = ({ status, body }: Answer): Fields => {
  if (status === 401 || status === 403)
    throw new AppError("unauthorized", `it wants another key (it answered ${status}); --key-file gives one`);
  if (status !== 200) throw new AppError("connection", `it answered ${status}`);
  return fieldsOf(body);
};
