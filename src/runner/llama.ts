import { AppError, isErrorCode } from "../core/errors.ts";
import { loadNativeBridge, type NativeBridgeModule } from "./native-bridge.ts";
import type { Backend } from "./protocol.ts";

/** llama.cpp in this process, ready to open a model. */
export interface Llama {
  native: NativeBridgeModule;
  backend: Backend;
}

export interface LlamaOptions {
  /** Holds llama.cpp's libraries and the bridge. */
  nativeDir: string;
  /** For llama.cpp's log on stderr: 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug. */
  logLevel: number;
  /** Absent = the best that works. */
  gpu?: Backend | undefined;
}

/** Loads llama.cpp and its backends; a second call costs nothing. Throws `load_failed` with the reason when `gpu`, or no backend at all, works. */
export const startLlama = ({ nativeDir, logLevel, gpu }: LlamaOptions): Llama => {
  try {
    const native = loadNativeBridge(nativeDir);
    native.setLogLevel(logLevel);
    return { native, backend: native.loadBackends(nativeDir, gpu ?? "") };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("load_failed", `llama.cpp cannot start${gpu ? ` with ${gpu}` : ""}: ${oneLine(reason)}`, {
      cause: error,
    });
  }
};

/** Did llama.cpp refuse, or is it a mistake of ours? */
export const isRefusal = (error: unknown): boolean => error instanceof Error && isErrorCode(Reflect.get(error, "code"));

/** Without llama.cpp's own prefix: the library at the end of it says what is missing. */
const oneLine = (text: string): string =>
  text
    .replace(/\s+/g, " ")
    .replace(/^load_backend: failed to load \S+: /, "")
    .trim();
