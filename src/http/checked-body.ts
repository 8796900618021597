import type { Static, TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { Value, type ValueError } from "@sinclair/typebox/value";
import { mapValueError } from "elysia";
import { AppError } from "../core/errors.ts";

/** A body's schema in the form of https://standardschema.dev, which Elysia takes as it takes its own. */
export interface CheckedBody<T extends TSchema> {
  readonly schema: T;
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: "llmlb";
    readonly validate: (body: unknown) => { value: Static<T> };
    readonly types?: { readonly input: unknown; readonly output: Static<T> };
  };
}

/**
 * What the bodies of a route look like. Throws `invalid_argument`, which names the field, for one that does not. Given the schema
 * itself, Elysia compiles it before the first body is looked at, for which the first request of a new node would wait 2 ms.
 */
export const checkedBody = <T extends TSchema>(schema: T): CheckedBody<T> => {
  let used = false;
  let compiled: TypeCheck<T> | undefined;
  const validate = (body: unknown): { value: Static<T> } => {
    if (used) compiled ??= TypeCompiler.Compile(schema);
    used = true;
    const fits = compiled ? compiled.Check(body) : Value.Check(schema, body);
    if (!fits) throw new AppError("invalid_argument", complaint(Value.Errors(schema, body).First()));
    return { value: body as Static<T> };
  };
  return { schema, "~standard": { version: 1, vendor: "llmlb", validate } };
};

const complaint = (error: ValueError | undefined): string => {
  const field = (error?.path ?? "").replace(/^\//, "").replaceAll("/", ".");
  if (!error || !field) return "missing request body";
  const summary = mapValueError({ ...error, value: printable(error.value) })?.summary;
  return `invalid "${field.slice(0, textMaxChars)}": ${summary ?? error.message}`;
};

const textMaxChars = 100; // enough to know it again

/** Elysia puts the value into its message as it is: a long one whole, and an object with a `toString` of its own by calling that. */
const printable = (value: unknown): unknown => {
  if (typeof value === "string" && value.length > textMaxChars) return `${value.slice(0, textMaxChars)}...`;
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? "an array" : "an object";
};
