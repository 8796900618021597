import type { OllamaPullPlan, OllamaPullProgress } from "../api/ollama.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { createPuller } from "../hub/puller.ts";
import { openStore } from "../store/open-store.ts";
import { type PullDeps, planPull, pullModel } from "./pull-model.ts";

/** Pulls into the store of this machine without a node, as pipelines want it. */
export interface LocalPull {
  pull(model: string, signal: AbortSignal): AsyncGenerator<OllamaPullProgress>;
  plan(model: string, signal: AbortSignal): Promise<OllamaPullPlan>;
}

export const createLocalPull = (config: Config, log: Log): LocalPull => {
  const clock = systemClock;
  const store = openStore(config.modelsDir, { clock, log });
  const deps: PullDeps = { config, store, puller: createPuller({ store, settings: config.hub, clock, log }) };
  return {
    pull: (model, signal) => pullModel(deps, model, signal),
    plan: (model, signal) => planPull(deps, model, signal),
  };
};
