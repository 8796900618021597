import { basename } from "node:path";
import { AppError, type ErrorCode } from "../core/errors.ts";
import type { LoadOptions } from "./protocol.ts";

/** How llama.cpp and the system word a failure, and what it means; the first match counts. */
const meanings: readonly {
  pattern: RegExp;
  code: ErrorCode;
  say: (match: RegExpExecArray, label: string) => string;
}[] = [
  {
    pattern: /unknown model architecture: '([^']*)'/,
    code: "unsupported",
    say: ([, name]) => `its architecture "${name}" is not supported by this version of llama.cpp`,
  },
  { pattern: /ENOENT|No such file/, code: "model_not_found", say: () => "its file does not exist" },
  { pattern: /EACCES|EPERM|Permission denied/, code: "forbidden", say: () => "its file may not be read" },
  {
    pattern:
      /out of memory|failed to allocate|unable to allocate|alloc_tensor_range|bad_alloc|cannot allocate|insufficient (?:memory|VRAM|RAM)/i,
    code: "load_failed",
    say: () => "there is not enough memory for it",
  },
  {
    pattern:
      /invalid magic|corrupt|not within the file bounds|truncated|data is not|wrong (?:shape|type)|missing tensor|tensor '[^']*' not found|key not found/i,
    code: "corrupt",
    say: (_, label) =>
      label.startsWith("ollama:")
        ? "its file is damaged, or of a kind that only Ollama's own engine reads; pull it from Hugging Face instead"
        : "its file is damaged or incomplete; remove it and pull it again",
  },
  {
    pattern: /wrong number of tensors/,
    code: "unsupported",
    say: () => "its file has parts that this version of llama.cpp does not know",
  },
];

/**
 * Why a model could not be loaded, as one line for people. `logged` is what llama.cpp wrote meanwhile
 * and the error itself does not say.
 */
export const loadFailure = (
  { modelPath, label = basename(modelPath) }: Pick<LoadOptions, "modelPath" | "label">,
  thrown: unknown,
  logged: string,
): AppError => {
  if (thrown instanceof AppError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const detail = oneLine(logged ? `${logged} (${message})` : message);
  for (const { pattern, code, say } of meanings) {
    const match = pattern.exec(detail);
    if (match) return new AppError(code, `cannot load ${label}: ${say(match, label)}`, { cause: thrown });
  }
  return new AppError("load_failed", `cannot load ${label}: ${detail}`, { cause: thrown });
};

const detailCharactersMax = 600;

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, detailCharactersMax);
