import { toAppError } from "../core/errors.ts";

/** What a puller has done since it was made. */
export interface PullStats {
  /** Pulls under way; several may share one download. */
  active: number;
  /** Of model files, from the network onto the disk; what had to be fetched twice counts twice. */
  downloadedBytes: number;
  /** Pulls by how they ended: `success` or an error code. */
  ended: Record<string, number>;
}

export const noPulls = (): PullStats => ({ active: 0, downloadedBytes: 0, ended: {} });

/** Runs `pull` and counts it. */
export const countPull = async <T>(
  stats: PullStats,
  signal: AbortSignal | undefined,
  pull: () => Promise<T>,
): Promise<T> => {
  const end = (outcome: string) => {
    stats.active--;
    stats.ended[outcome] = (stats.ended[outcome] ?? 0) + 1;
  };
  stats.active++;
  try {
    const result = await pull();
    end("success");
    return result;
  } catch (error) {
    end(signal?.aborted ? "cancelled" : toAppError(error).code);
    throw error;
  }
};
