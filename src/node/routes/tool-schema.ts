import { t } from "elysia";

/** A tool as Ollama's and OpenAI's clients offer it. */
export const toolSchema = t.Object(
  { function: t.Object({ name: t.String() }, { additionalProperties: true }) },
  { additionalProperties: true },
);
