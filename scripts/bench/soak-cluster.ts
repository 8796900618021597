import { burst, churn, type SoakRun, type Tally, visit } from "./soak-clients.ts";
import { disturb, settleMs } from "./soak-faults.ts";
import { complaintsOf, type SoakSample, sampleWorld, type Trend, trendOf } from "./soak-samples.ts";
import { openSoakWorld, removeSoakWorld, type SoakWorld } from "./soak-world.ts";

export interface ClusterSoak {
  minutes: number;
  requests: Record<string, Tally>;
  faults: Record<string, number>;
  /** Of the second half. */
  trends: Record<string, Trend | undefined>;
  samples: SoakSample[];
  /** Nothing = it has passed. */
  complaints: string[];
}

const visitors = 6;
const sampleMs = 10_000;
const drainMs = 100_000; // longer than a client waits for an answer

/**
 * A router, two nodes and a Hub under mixed clients; with faults, something is killed, cut or flooded every 20 s. At the end every request must
 * have ended in an answer or a proper error, and memory, open files, temporary files and processes be where they were.
 */
export const benchClusterSoak = async ({
  minutes,
  faults,
}: {
  minutes: number;
  faults: boolean;
}): Promise<ClusterSoak> => {
  const world = await openSoakWorld();
  try {
    const soak = await soakWorld(world, minutes * 60_000, faults);
    await world.stop();
    for (const { pid, state } of world.processes()) soak.complaints.push(`process ${pid} (${state}) is left over`);
    for (const file of world.temporaryFiles()) soak.complaints.push(`${file} is left in the temporary folder`);
    if (soak.complaints.length > 0) process.exitCode = 1;
    return soak;
  } finally {
    removeSoakWorld(world);
  }
};

const soakWorld = async (world: SoakWorld, lengthMs: number, faults: boolean): Promise<ClusterSoak> => {
  const stop = new AbortController();
  const startMs = Date.now();
  let disturbedMs = 0;
  const run: SoakRun = {
    ...{ base: world.router.url, signal: stop.signal, tallies: {}, unexpected: [] },
    isDisturbed: () => Date.now() - disturbedMs < settleMs,
  };
  const counts: Record<string, number> = {};
  const onFault = () => {
    disturbedMs = Date.now();
  };
  const work = [
    ...Array.from({ length: visitors }, (_, first) => visit(run, first)),
    churn(run),
    faults ? disturb(world, run, { halfMs: lengthMs / 2, counts, onFault }) : burst(run),
  ];
  const samples: SoakSample[] = [];
  while (Date.now() - startMs < lengthMs) {
    await Bun.sleep(sampleMs);
    samples.push(sampleWorld(world, (Date.now() - startMs) / 1000));
  }
  stop.abort();
  const ended = await Promise.race([Promise.all(work), Bun.sleep(drainMs).then(() => "late" as const)]);
  const complaints = [...run.unexpected, ...(ended === "late" ? ["requests are still waiting for their answer"] : [])];
  const names = [world.router, ...world.nodes].map(({ name }) => name);
  complaints.push(...complaintsOf(samples, names));
  const trends = trendsOf(samples, names);
  return {
    minutes: lengthMs / 60_000,
    requests: run.tallies,
    faults: counts,
    trends,
    samples: thinned(samples),
    complaints,
  };
};

const trendsOf = (samples: readonly SoakSample[], names: readonly string[]): Record<string, Trend | undefined> => {
  const half = samples.slice(Math.floor(samples.length / 2));
  const measures = ["memoryMB", "files", "threads"] as const;
  return Object.fromEntries(
    names.flatMap((name) => measures.map((measure) => [`${name} ${measure}`, trendOf(half, name, measure)])),
  );
};

/** A page of them. */
const thinned = (samples: readonly SoakSample[]): SoakSample[] =>
  samples.filter((_, index) => index % Math.ceil(samples.length / 12) === 0 || index === samples.length - 1);
