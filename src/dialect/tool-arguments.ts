/**
 * The arguments of a tool call as an object, for dialects that send no text. It is the model's own text: when it was cut short it is no
 * JSON, and the client sees what there is under `_raw`.
 */
export const parseToolArguments = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { value };
  } catch {
    return { _raw: text };
  }
};
