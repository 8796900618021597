import { noPulls } from "../hub/pull-stats.ts";
import type { Puller, PullerOptions } from "../hub/puller.ts";

/** The Hub's code is read with the first pull: a node that only answers starts sooner without it. */
export const lazyPuller = (options: PullerOptions): Puller => {
  let made: Promise<Puller> | undefined;
  let puller: Puller | undefined;
  const get = (): Promise<Puller> => {
    made ??= import("../hub/puller.ts").then(({ createPuller }) => {
      puller = createPuller(options);
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
