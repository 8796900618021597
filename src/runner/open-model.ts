import { mediaMarker } from "./bridge-request.ts";
import { isRefusal, type Llama } from "./llama.ts";
import { loadFailure } from "./load-failure.ts";
import type {
  BridgeMessage,
  BridgeOptions,
  ContextOptions,
  NativeBridge,
  NativeLoadOptions,
  NativeModel,
  NativeProjector,
  NativeProjectorOptions,
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
  const projector = await openProjector(llama, model, load, { gpus: layers.gpus, threads: context.threads });
  const bridgeOptions: BridgeOptions = {
    ...context,
    windowTokens,
    promptCacheBytes: load.promptCacheBytes ?? 0,
    fallbackTemplate: load.templatePath ? await readTemplate(load.templatePath) : "",
    adapterPaths: load.adapterPaths ?? [],
    ...(projector && { projector }),
  };
  const bridge = makeBridge(llama, model, load, bridgeOptions, options.onMessages);
  const { thinking, tools, vision, audio, ...facts } = bridge.info();
  const loaded = { ...facts, capabilities: { thinking, tools, vision, audio }, backend, gpuLayers };
  return { bridge, loaded, threads: threadsOf(bridge, context.threads, load, loaded) };
};

const openProjector = async (
  { native }: Llama,
  model: NativeModel,
  load: LoadOptions,
  more: Pick<NativeProjectorOptions, "gpus" | "threads">,
): Promise<NativeProjector | undefined> => {
  if (load.projectorPath === undefined) return undefined;
  const options = { path: load.projectorPath, marker: mediaMarker, ...more };
  return await native
    .loadProjector(model, options, () => undefined)
    .catch((error) => {
      throw loadFailure(load, error, native.takeLogErrors());
    });
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
