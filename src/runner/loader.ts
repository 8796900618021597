import { readGgufHeader } from "../gguf/read-header.ts";
import { checkOptions } from "./check-options.ts";
import { type Llama, type LlamaOptions, startLlama } from "./llama.ts";
import { loadFailure } from "./load-failure.ts";
import type { BridgeMessage, NativeLoadOptions, NativePlan } from "./native-bridge.ts";
import { contextOptions, type OpenModel, openModel } from "./open-model.ts";
import type { Backend, BackendDevices, EstimateOptions, LoadedModel, LoadOptions, MemoryEstimate } from "./protocol.ts";

/** What one runner does before it has a model. llama.cpp is loaded at the first call, for the backend that this one names. */
export interface Loader {
  /** Loads llama.cpp and its backends before somebody asks. Throws where that fails. */
  warmUp(): void;
  /** Throws an AppError that says in one line why the model cannot be loaded. */
  load(options: LoadOptions, hooks: LoadHooks): Promise<OpenModel & { loaded: LoadedModel }>;
  /** What `load` would take; a `load` of the same thing without `gpuLayers` follows the newest estimate. Throws like `load`. */
  estimate(options: EstimateOptions): Promise<MemoryEstimate>;
  /** Throws `load_failed` with the reason where the backend does not work. */
  devices(gpu: Backend | undefined): BackendDevices;
  /** Gives up what is under way; resolves when no native thread works on it any more. */
  close(): Promise<void>;
}

export interface LoadHooks {
  /** Share of the tensors read, 0 to 1. */
  onProgress: (fraction: number) => void;
  onMessages: (messages: BridgeMessage[]) => void;
}

// What llama.cpp's buffers for its operations and the driver's own needs may come to; only where nobody names a margin.
const defaultMarginBytes = 512 * 2 ** 20;

interface Estimated {
  options: EstimateOptions;
  estimate: MemoryEstimate;
}

interface State {
  options: Omit<LlamaOptions, "gpu">;
  llama?: Llama;
  newest?: Estimated & { plan: NativePlan };
  busy: Promise<unknown>;
}

export const createLoader = (options: Omit<LlamaOptions, "gpu">): Loader => {
  const state: State = { options, busy: Promise.resolve() };
  const track = <T>(work: Promise<T>): Promise<T> => {
    state.busy = Promise.allSettled([state.busy, work]);
    return work;
  };
  return {
    warmUp: () => void start(state, undefined),
    load: (load, hooks) => track(loadModel(state, load, hooks)),
    estimate: (wanted) => track(estimateMemory(state, wanted)),
    devices: (gpu) => {
      const { native, backend } = start(state, gpu);
      return { backend, devices: native.devices() };
    },
    close: async () => {
      state.llama?.native.cancelLoad();
      await state.busy;
    },
  };
};

const start = (state: State, gpu: Backend | undefined): Llama => {
  state.llama = startLlama({ ...state.options, gpu });
  return state.llama;
};

/** llama.cpp aborts on some broken files that our own reader refuses; it reads while the libraries are being loaded. */
const prepare = async (
  state: State,
  load: Pick<LoadOptions, "modelPath" | "label" | "gpu" | "headerChecked" | "adapterPaths" | "projectorPath">,
): Promise<Llama> => {
  const { modelPath, adapterPaths = [], projectorPath } = load;
  const beside = [...adapterPaths, ...(projectorPath === undefined ? [] : [projectorPath])];
  const unchecked = [...(load.headerChecked ? [] : [modelPath]), ...beside];
  if (unchecked.length === 0) return start(state, load.gpu);
  const labelOf = (path: string) => ({
    ...(path !== modelPath && {
      label: `the ${path === projectorPath ? "projector" : "adapter"} of ${load.label ?? "it"}`,
    }),
  });
  const read = (path: string) => readGgufHeader(path, { arrayItemsMax: 0, ...labelOf(path) });
  const headers = Promise.all(unchecked.map(read)).then(
    () => undefined,
    (error) => loadFailure(load, error, ""),
  );
  const llama = start(state, load.gpu);
  const refused = await headers;
  if (refused) throw refused;
  return llama;
};

const loadModel = async (state: State, load: LoadOptions, hooks: LoadHooks) => {
  const startMs = performance.now();
  checkOptions(load);
  const llama = await prepare(state, load);
  const layers = await layersFor(state, llama, load);
  const { loaded, ...open } = await openModel({ llama, load, layers, ...hooks });
  return { ...open, loaded: { ...loaded, loadMs: performance.now() - startMs } };
};

const estimateMemory = async (state: State, options: EstimateOptions): Promise<MemoryEstimate> => {
  checkOptions(options);
  const llama = await prepare(state, options);
  const { modelPath, projectorPath = "", contextTokensMin, marginBytes, gpuLayers = -1 } = options;
  const more = { modelPath, projectorPath, contextTokensMin, marginBytes, gpuLayers, gpus: llama.backend !== "cpu" };
  const made = await llama.native.estimate({ ...contextOptions(llama, options), ...more }).catch((error) => {
    throw loadFailure(options, error, llama.native.takeLogErrors());
  });
  state.newest = { options, ...made };
  return made.estimate;
};

/** As many layers as the caller says, else as the newest estimate found, else on GPUs what fits now. */
const layersFor = async (
  state: State,
  llama: Llama,
  load: LoadOptions,
): Promise<Omit<NativeLoadOptions, "modelPath">> => {
  const gpus = llama.backend !== "cpu";
  if (load.gpuLayers !== undefined) return { gpus, gpuLayers: load.gpuLayers };
  if (!gpus) return { gpus, gpuLayers: -1 };
  if (!isPlanOf(state.newest, load)) {
    const { contextTokens } = load;
    await estimateMemory(state, { ...load, contextTokensMin: contextTokens, marginBytes: defaultMarginBytes });
  }
  return { gpus, gpuLayers: -1, ...(state.newest ? { plan: state.newest.plan } : {}) };
};

/** Was the estimate made for this load? A context that it had to reduce must be the one that is loaded. */
export const isPlanOf = (newest: Estimated | undefined, load: LoadOptions): boolean => {
  if (!newest || identity(newest.options) !== identity(load)) return false;
  const { estimate, options } = newest;
  const whole = JSON.stringify(estimate.full) === JSON.stringify(estimate.fitted);
  return load.contextTokens === estimate.fittedContextTokens || (whole && load.contextTokens === options.contextTokens);
};

const identity = (options: LoadOptions | EstimateOptions): string =>
  JSON.stringify([
    options.modelPath,
    options.projectorPath,
    options.slots,
    options.gpu,
    options.gpuLayers,
    options.kvCacheType,
    options.flashAttention,
  ]);
