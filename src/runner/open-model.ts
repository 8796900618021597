import { AppError, isErrorCode } from "../core/errors.ts";
import { readGgufHeader } from "../gguf/read-header.ts";
import { computeThreads } from "./compute-threads.ts";
import { loadFailure } from "./load-failure.ts";
import {
  type BridgeMessage,
  type BridgeOptions,
  loadNativeBridge,
  type NativeBridge,
  type NativeBridgeModule,
} from "./native-bridge.ts";
import { type LoadedModel, type LoadOptions, windowTokens } from "./protocol.ts";

export interface OpenModel {
  bridge: NativeBridge;
  loaded: LoadedModel;
}

export interface OpenModelOptions {
  nativeDir: string;
  load: LoadOptions;
  /** For llama.cpp's log on stderr: 0 nothing, 1 errors, 2 warnings, 3 information, 4 debug. */
  logLevel: number;
  /** Share of the tensors read, 0 to 1. */
  onProgress: (fraction: number) => void;
  onMessages: (messages: BridgeMessage[]) => void;
}

/** The build answers node-llama-cpp's search for its binaries with this folder; see scripts/build/node-llama-cpp.ts. */
const nativeDirKey = Symbol.for("llmlb.nativeDir");

const slotsMax = 256; // LLAMA_MAX_SEQ
const contextTokensMax = 16_777_216; // above, slots x context leaves llama.cpp's 32 bits

/** Opens the model with node-llama-cpp and sets the native bridge on it. Throws an AppError that says in one line why it failed. */
export const openModel = async (options: OpenModelOptions): Promise<OpenModel> => {
  const startMs = performance.now();
  const { load, nativeDir } = options;
  checkOptions(load);
  // Before any native code: llama.cpp aborts on some broken files that this refuses.
  await readGgufHeader(load.modelPath, { arrayItemsMax: 0 }).catch((error) => {
    throw loadFailure(load.modelPath, error, "");
  });
  Object.assign(globalThis, { [nativeDirKey]: nativeDir });
  const { getLlama } = await import("node-llama-cpp");
  const llama = await getLlama({
    build: "never",
    gpu: load.gpu === undefined ? "auto" : load.gpu === "cpu" ? false : load.gpu,
    progressLogs: false,
    logger: () => undefined, // the bridge takes the log over
    vramPadding: 0,
  }).catch((error) => {
    throw new AppError("load_failed", `llama.cpp cannot start${load.gpu ? ` with ${load.gpu}` : ""}: ${error.message}`);
  });
  const native = loadNativeBridge(nativeDir);
  native.setLogLevel(options.logLevel);
  const model = await llama
    .loadModel({
      modelPath: load.modelPath,
      gpuLayers: llama.gpu === false ? 0 : (load.gpuLayers ?? "auto"),
      useMmap: true,
      // On the CPU the weights are mapped: the system reads and drops them as it needs.
      ignoreMemorySafetyChecks: llama.gpu === false,
      onLoadProgress: options.onProgress,
    })
    .catch((error) => {
      throw loadFailure(load.modelPath, error, native.takeLogErrors());
    });
  const threads = load.threads ?? computeThreads(llama.cpuMathCores);
  const bridge = makeBridge(native, addonModelOf(model), { ...load, threads }, options.onMessages);
  const loadMs = performance.now() - startMs;
  return { bridge, loaded: { ...describe(bridge), backend: llama.gpu || "cpu", gpuLayers: model.gpuLayers, loadMs } };
};

const checkOptions = ({ slots, contextTokens, threads, gpuLayers }: LoadOptions): void => {
  const bounds = [
    ["slots", slots, 1, slotsMax],
    ["contextTokens", contextTokens, 1, contextTokensMax],
    ["threads", threads ?? 1, 1, 1024],
    ["gpuLayers", gpuLayers ?? 0, 0, 1_000_000],
  ] as const;
  for (const [name, value, min, max] of bounds) {
    if (!Number.isInteger(value) || value < min || value > max)
      throw new AppError("invalid_argument", `invalid ${name} ${value}: expected a whole number from ${min} to ${max}`);
  }
  if (slots * contextTokens > contextTokensMax)
    throw new AppError(
      "invalid_argument",
      `${slots} slots of ${contextTokens} tokens are more than ${contextTokensMax}`,
    );
};

/** The handle that node-llama-cpp keeps to itself; the bridge is compiled against the class behind it. */
const addonModelOf = (model: object): object => {
  const handle: unknown = Reflect.get(model, "_model");
  if (typeof handle === "object" && handle !== null) return handle;
  throw new AppError("internal", "node-llama-cpp keeps its model elsewhere than this version of llmlb expects");
};

const bridgeOptions = (load: Omit<LoadOptions, "modelPath"> & { threads: number }): BridgeOptions => ({
  slots: load.slots,
  contextTokens: load.contextTokens,
  threads: load.threads,
  windowTokens,
  promptCacheBytes: load.promptCacheBytes ?? 0,
  kvCacheType: load.kvCacheType ?? "",
  flashAttention: load.flashAttention === undefined ? -1 : load.flashAttention ? 1 : 0,
});

const makeBridge = (
  { Bridge, takeLogErrors }: NativeBridgeModule,
  addonModel: object,
  { modelPath, ...options }: LoadOptions & { threads: number },
  onMessages: (messages: BridgeMessage[]) => void,
): NativeBridge => {
  try {
    return new Bridge(addonModel, bridgeOptions(options), onMessages);
  } catch (error) {
    const code = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (error instanceof Error && isErrorCode(code)) throw loadFailure(modelPath, error, takeLogErrors());
    throw error;
  }
};

const describe = (bridge: NativeBridge) => {
  const { thinking, tools, ...facts } = bridge.info();
  return { ...facts, capabilities: { thinking, tools } };
};
