import { AppError } from "../../src/core/errors.ts";
import type { GenerationEvent, GenerationRequest } from "../../src/core/generation.ts";
import type { EngineRunner } from "../../src/engine/types.ts";
import type { EstimateOptions, LoadedModel, LoadOptions, MemoryEstimate } from "../../src/runner/protocol.ts";

export interface FakeRunner extends EngineRunner {
  readonly loads: LoadOptions[];
  readonly estimates: EstimateOptions[];
  readonly requests: GenerationRequest[];
  alive: boolean;
  /** Ends the process as a crash would. */
  crash(): void;
}

export interface FakeRunnerScript {
  trainContextTokens?: number;
  capabilities?: Partial<LoadedModel["capabilities"]>;
  estimate?: (options: EstimateOptions) => Partial<MemoryEstimate>;
  load?: (options: LoadOptions, signal?: AbortSignal, onProgress?: (fraction: number) => void) => Promise<void>;
  generate?: (request: GenerationRequest, signal?: AbortSignal) => AsyncIterable<GenerationEvent>;
}

export const fakeCounts = { promptTokens: 3, cachedTokens: 0, completionTokens: 2, promptMs: 1, generationMs: 2 };

async function* helloEvents(): AsyncIterable<GenerationEvent> {
  yield { type: "text", text: "Hel" };
  yield { type: "text", text: "lo" };
  yield { type: "done", reason: "stop", counts: fakeCounts };
}

const loadedModel = (
  options: LoadOptions,
  { trainContextTokens = 8192, capabilities }: FakeRunnerScript,
): LoadedModel => ({
  contextTokens: Math.min(options.contextTokens, trainContextTokens),
  trainContextTokens,
  slots: options.slots,
  memoryBytes: 1_000_000,
  vramBytes: 0,
  backend: "cpu",
  gpuLayers: 0,
  capabilities: { thinking: false, tools: false, vision: false, audio: false, ...capabilities },
  chatTemplate: "",
  loadMs: 1,
});

/** Everything on the GPU. */
const wholeEstimate = ({ contextTokens }: EstimateOptions): MemoryEstimate => ({
  ...{ full: [], fitted: [], fits: true, expertsOnCpu: false },
  ...{ fittedContextTokens: contextTokens, gpuLayers: 5, totalLayers: 5 },
});

let nextPid = 1000;

/** A runner without a process: it loads at once and answers "Hello", unless the script says otherwise. */
export const fakeRunner = (script: FakeRunnerScript = {}): FakeRunner => {
  const gone = Promise.withResolvers<void>();
  const end = () => {
    runner.alive = false;
    gone.resolve();
  };
  const runner: FakeRunner = {
    pid: nextPid++,
    exited: gone.promise,
    loads: [],
    estimates: [],
    requests: [],
    alive: true,
    crash: end,
    async estimate(options) {
      runner.estimates.push(options);
      return { ...wholeEstimate(options), ...script.estimate?.(options) };
    },
    async load(options, { signal, onProgress }) {
      runner.loads.push(options);
      await script.load?.(options, signal, onProgress);
      signal?.throwIfAborted();
      return loadedModel(options, script);
    },
    async *generate(request, signal) {
      if (!runner.alive) throw new AppError("runner_crashed", "the runner is gone");
      runner.requests.push(request);
      yield* (script.generate ?? helloEvents)(request, signal);
    },
    async embed({ inputs }) {
      if (!runner.alive) throw new AppError("runner_crashed", "the runner is gone");
      return { vectors: inputs.map((input) => Float32Array.of(input.length, 0, 0)), promptTokens: inputs.length };
    },
    async rerank({ documents }) {
      return { scores: documents.map(({ length }) => length), promptTokens: documents.length };
    },
    countTokens: async () => fakeCounts.promptTokens,
    latestStats: () => undefined,
    heldPrefixes: () => ({ generation: 0, marks: [], whole: true }),
    async exit() {
      end();
    },
  };
  return runner;
};
