import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Cluster } from "../types.ts";

/** Watches over one answer of one node. */
export interface Vigil {
  sawBytes(): void;
  end(): void;
}

interface VigilOptions {
  clock: Clock;
  cluster: Pick<Cluster, "find">;
  nodeId: string;
  /** How long the first byte may take: as long as loading a model, waiting there, and evaluating the prompt. */
  firstByteMs: number;
  giveUp(error: AppError): void;
}

const lookMs = 5_000;
// The registry holds a node for dead by then, after several questions without an answer; one that still sends is believed instead.
const silenceMs = 15_000;

/**
 * A node that lost its power or its network closes no connection. So the silence of a node that the registry calls offline counts as its end,
 * at any time; that of a node which is there only before the first byte.
 */
export const keepVigil = ({ clock, cluster, nodeId, firstByteMs, giveUp }: VigilOptions): Vigil => {
  const startMs = clock.now();
  let lastMs = startMs;
  let begun = false;
  let cancel: () => void;
  const look = (): void => {
    const nowMs = clock.now();
    const node = cluster.find(nodeId);
    if (nowMs - lastMs >= silenceMs && (!node || node.status === "offline"))
      giveUp(new AppError("connection", `node ${nodeId} is offline`));
    else if (!begun && nowMs - startMs >= firstByteMs)
      giveUp(new AppError("connection", `node ${nodeId} sent nothing in ${firstByteMs / 1000} s`));
    else cancel = clock.after(begun ? lookMs : Math.min(lookMs, startMs + firstByteMs - nowMs), look);
  };
  cancel = clock.after(Math.min(lookMs, firstByteMs), look);
  return {
    sawBytes() {
      lastMs = clock.now();
      begun = true;
    },
    end: () => cancel(),
  };
};
