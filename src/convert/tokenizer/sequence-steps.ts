import { AppError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../json-object.ts";

/** Real tokenizers have up to six; a pattern in one can take seconds. */
const stepsMax = 32;

/**
 * The steps of a normalizer or a pre-tokenizer in tokenizer.json, in their order: `Sequence`s, whose steps stand under `listKey`, may
 * stand inside of each other. Throws `unsupported` for more steps than a tokenizer has, and for what is no step.
 */
export const sequenceSteps = (step: unknown, listKey: "normalizers" | "pretokenizers"): JsonObject[] => {
  const steps: JsonObject[] = [];
  const left: unknown[] = [step];
  for (let seen = 0; left.length > 0; seen++) {
    const next = left.shift();
    const inner = isObject(next) && next.type === "Sequence" ? next[listKey] : [];
    if (!isObject(next) || !Array.isArray(inner)) throw unsupported(listKey, "a step that is none");
    if (seen > stepsMax || inner.length > stepsMax) throw unsupported(listKey, `more than ${stepsMax} steps`);
    if (next.type === "Sequence") left.unshift(...inner);
    else steps.push(next);
  }
  return steps;
};

const unsupported = (listKey: string, what: string) =>
  new AppError("unsupported", `tokenizer.json: its ${listKey} have ${what}, which is not converted`);
