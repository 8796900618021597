import { AppError } from "../core/errors.ts";
import type { GenerationInput, ToolDefinition } from "../core/generation.ts";

type ChatInput = Extract<GenerationInput, { kind: "chat" }>;

export interface ToolChoice {
  /** A name = that tool has to be called. */
  choice?: "auto" | "none" | "required" | { name: string | undefined } | undefined;
  /** False = one call at a time. */
  parallel?: boolean | null | undefined;
}

/** The tools of a chat, and whether they may or must be called. Throws `invalid_argument` for a choice that is none of them. */
export const offerTools = (
  tools: readonly ToolDefinition[],
  { choice, parallel }: ToolChoice,
): Pick<ChatInput, "tools" | "toolChoice" | "parallelToolCalls"> => {
  if (tools.length === 0) return {};
  const serial = parallel === false ? { parallelToolCalls: false } : {};
  if (typeof choice !== "object") return { tools: [...tools], ...(choice ? { toolChoice: choice } : {}), ...serial };
  const wanted = tools.filter((tool) => tool.function.name === choice.name);
  if (wanted.length === 0)
    throw new AppError("invalid_argument", `tool_choice names "${choice.name}", which is not in tools`);
  return { tools: wanted, toolChoice: "required", ...serial };
};
