import type { Clock } from "../../core/clock.ts";

interface Refreshable {
  readonly state: { readonly status: string };
  refresh(): Promise<void>;
}

const everyMs = 2_000; // whoever asks for models that nobody has must not keep the cluster busy
const patienceMs = 1_000;

/** See `Cluster.refresh`. */
export const createRefresh = (members: ReadonlyMap<string, Refreshable>, clock: Clock) => {
  let lastMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  const ask = async (asked: readonly Refreshable[]): Promise<void> => {
    const late = Promise.withResolvers<void>();
    const cancel = clock.after(patienceMs, late.resolve);
    await Promise.race([Promise.allSettled(asked.map((member) => member.refresh())), late.promise]);
    cancel();
  };
  const askAll = async (): Promise<void> => {
    lastMs = clock.now();
    await ask([...members.values()].filter(({ state }) => state.status === "online" || state.status === "degraded"));
    running = undefined;
  };
  return async (ids?: readonly string[]): Promise<void> => {
    if (ids) return await ask(ids.flatMap((id) => members.get(id) ?? []));
    if (!running && clock.now() - lastMs < everyMs) return;
    running ??= askAll();
    await running;
  };
};
