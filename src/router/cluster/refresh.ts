import type { Clock } from "../../core/clock.ts";

interface Refreshable {
  readonly state: { readonly status: string };
  /** Resolves when it has been asked for the first time, or has told by itself. */
  readonly asked: Promise<void>;
  readonly isAsked: boolean;
  refresh(): Promise<void>;
}

const everyMs = 2_000; // whoever asks for models that nobody has must not keep the cluster busy
const patienceMs = 1_000;

/** See `Cluster.refresh`. */
export const createRefresh = (members: ReadonlyMap<string, Refreshable>, clock: Clock) => {
  let lastMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  const patiently = async (answers: readonly Promise<void>[]): Promise<void> => {
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(patienceMs, late.resolve);
    await Promise.race([Promise.allSettled(answers), late.promise]);
    cancel();
  };
  const askAll = async (): Promise<void> => {
    lastMs = clock.now();
    const open = [...members.values()].filter(({ state }) => state.status === "online" || state.status === "degraded");
    await patiently(open.map((member) => member.refresh()));
    running = undefined;
  };
  return async (ids?: readonly string[]): Promise<void> => {
    if (ids) return await patiently(ids.flatMap((id) => members.get(id)?.refresh() ?? []));
    // A router that has just begun knows of no model yet: what it would say of one is not true.
    const unasked = [...members.values()].filter(({ isAsked }) => !isAsked);
    if (unasked.length > 0) return await patiently(unasked.map(({ asked }) => asked));
    if (!running && clock.now() - lastMs < everyMs) return;
    running ??= askAll();
    await running;
  };
};
