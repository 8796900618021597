import { checkShape } from "../core/check-shape.ts";
import { hashPrompt, type PromptPrefix } from "../core/prompt-prefix.ts";
import { promptSegments } from "../dialect/prompt-segments.ts";

/** The beginnings of the prompt that a body asks for, as a router sees them that passes the body on. */
export const prefixOf = (path: string, body: object): PromptPrefix =>
  checkShape(() => hashPrompt(promptSegments(path, body as Readonly<Record<string, unknown>>)));
