import type { OllamaPullPlan, OllamaPullProgress } from "../api/ollama.ts";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { openStore } from "../store/open-store.ts";
import { nodePuller } from "./node-puller.ts";
import { type PullDeps, planPull, pullModel } from "./pull-model.ts";

/** Pulls into the store of this machine without a node, as pipelines want it. */
export interface LocalPull {
  pull(model: string, signal: AbortSignal): AsyncGenerator<OllamaPullProgress>;
  plan(model: string, signal: AbortSignal): Promise<OllamaPullPlan>;
}

export const createLocalPull = (config: Config, log: Log): LocalPull => {
  const clock = systemClock;
  const store = openStore(config.modelsDir, { clock, log });
  const deps: PullDeps = { config, store, puller: nodePuller({ config, store, clock, log }) };
  return {
    pull: (model, signal) => pullModel(deps, { name: model }, signal),
    plan: (model, signal) => planPull(deps, { name: model }, signal),
  };
};
