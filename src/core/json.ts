/** What a JSON text holds; undefined for what is no JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Is it a JSON object? */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Far deeper than requests and schemas are, and shallow enough for all that walks them by recursion, here and in llama.cpp. */
const depthMax = 256;

/** Is it nested deeper than anything that means something? */
export const isTooDeep = (value: unknown): boolean => {
  let level = [value].filter(isParent);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true;
    level = level.flatMap((parent) => Object.values(parent).filter(isParent));
  }
  return false;
};

const isParent = (value: unknown): value is object => typeof value === "object" && value !== null;
