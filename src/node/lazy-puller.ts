import { noPulls } from "../hub/pull-stats.ts";
import type { Puller } from "../hub/puller.ts";
import type { NodePullerOptions } from "./node-puller.ts";

/** The Hub's code is read with the first pull: a node that only answers starts sooner without it. */
export const lazyPuller = (options: NodePullerOptions): Puller => {
  let made: Promise<Puller> | undefined;
  let puller: Puller | undefined;
  const get = (): Promise<Puller> => {
    made ??= import("./node-puller.ts").then(({ nodePuller }) => {
      puller = nodePuller(options);
      return puller;
    });
    return made;
  };
  return {
    pull: async (ref, pullOptions) => await (await get()).pull(ref, pullOptions),
    plan: async (ref, planOptions) => await (await get()).plan(ref, planOptions),
    stats: () => puller?.stats() ?? noPulls(),
  };
};
