import { isRefusal, type Llama } from "./llama.ts";
import { loadFailure } from "./load-failure.ts";
import type {
  BridgeMessage,
  BridgeOptions,
  ContextOptions,
  NativeBridge,
  NativeLoadOptions,
  NativeModel,
} from "./native-bridge.ts";
import { type LoadedModel, type LoadOptions, windowTokens } from "./protocol.ts";
import { type Threads, threadsOf } from "./threads.ts";
import { usableCores } from "./usable-cores.ts";

export interface OpenModel {
  bridge: NativeBridge;
  threads: Threads;
  loaded: Omit<LoadedModel, "loadMs">;
}

export interface OpenModelOptions {
  llama: Llama;
  load: LoadOptions;
  /** Where the layers go. */
  layers: Omit<NativeLoadOptions, "modelPath">;
  /** Share of the tensors read, 0 to 1. */
  onProgress: (fraction: number) => void;
  onMessages: (messages: BridgeMessage[]) => void;
}

/** Opens the model and sets the native bridge on it. Throws an AppError that says in one line why it failed. */
export const openModel = async ({ llama, load, layers, ...options }: OpenModelOptions): Promise<OpenModel> => {
  const { native, backend } = llama;
  const wanted = { modelPath: load.modelPath, ...layers };
  const { model, gpuLayers } = await native.loadModel(wanted, options.onProgress).catch((error) => {
    throw loadFailure(load, error, native.takeLogErrors());
  });
  const context = contextOptions(llama, load);
  const bridgeOptions: BridgeOptions = {
    ...context,
    windowTokens,
    promptCacheBytes: load.promptCacheBytes ?? 0,
    fallbackTemplate: load.templatePath ? await readTemplate(load.templatePath) : "",
    adapterPaths: load.adapterPaths ?? [],
  };
  const bridge = makeBridge(llama, model, load, bridgeOptions, options.onMessages);
  const { thinking, tools, ...facts } = bridge.info();
  const loaded = { ...facts, capabilities: { thinking, tools, vision: false, audio: false }, backend, gpuLayers };
  return { bridge, loaded, threads: threadsOf(bridge, context.threads, load, loaded) };
};

/** The context options of a load or an estimate, in the bridge's terms. */
export const contextOptions = (
  { native }: Llama,
  load: Pick<LoadOptions, "slots" | "contextTokens" | "threads" | "kvCacheType" | "flashAttention">,
): ContextOptions => ({
  slots: load.slots,
  contextTokens: load.contextTokens,
  threads: load.threads ?? usableCores(native.mathCores()),
  kvCacheType: load.kvCacheType ?? "",
  flashAttention: load.flashAttention === undefined ? -1 : load.flashAttention ? 1 : 0,
});

const makeBridge = (
  llama: Llama,
  model: NativeModel,
  load: LoadOptions,
  options: BridgeOptions,
  onMessages: (messages: BridgeMessage[]) => void,
): NativeBridge => {
  try {
    return new llama.native.Bridge(model, options, onMessages);
  } catch (error) {
    throw isRefusal(error) ? loadFailure(load, error, llama.native.takeLogErrors()) : error;
  }
};

/** A template that is gone costs its model nothing but that. */
const readTemplate = async (path: string): Promise<string> =>
  await Bun.file(path)
    .text()
    .catch(() => "");
