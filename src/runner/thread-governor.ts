/** What a decision about threads rests on; every number counts up from some beginning. */
export interface CpuReading {
  nowMs: number;
  /** Time spent in decode steps, and the CPU time that the compute threads got in it. */
  stepMs: number;
  cpuMs: number;
  /** Time that the machine's cores were idle, all together; undefined where nobody tells. */
  idleMs?: number | undefined;
}

export interface ThreadGovernor {
  readonly threads: number;
  /** Looks at what has happened since the last look; true = `threads` has changed. */
  look(reading: CpuReading): boolean;
}

const stepMsMin = 50; // steps in less time say more about the scheduler's slices than about the load
const missingMax = 0.3; // cores; interrupts and our own JavaScript take a little
const freeMin = 0.7; // of a core, which another thread would get
const raiseAfterMs = 1000;
const raiseAfterMaxMs = 60_000;

/**
 * How many threads compute. llama.cpp's threads wait for each other after every operation of a step, and wait by spinning: with one more
 * thread than there are free cores a step takes many times longer (2 threads on 2 cores, one of them busy: 20 tokens/s, 1 thread: 50). So
 * threads that did not get the CPU time of a whole core each are given up at once, and taken back when cores have been idle. Not for
 * models on a GPU: their threads wait for it.
 */
export const createThreadGovernor = (most: number): ThreadGovernor => {
  let threads = most;
  let last: CpuReading | undefined;
  let raisedAtMs = Number.NEGATIVE_INFINITY;
  let raiseAtMs = Number.NEGATIVE_INFINITY;
  let patienceMs = raiseAfterMs;

  const lower = (got: number, nowMs: number) => {
    threads = Math.max(1, Math.min(threads - 1, Math.floor(got + 1 - freeMin)));
    const tooSoon = nowMs - raisedAtMs < 2 * patienceMs;
    patienceMs = tooSoon ? Math.min(2 * patienceMs, raiseAfterMaxMs) : raiseAfterMs;
    raiseAtMs = nowMs + patienceMs;
  };
  const raise = (free: number, nowMs: number) => {
    threads = Math.min(most, threads + Math.max(1, Math.floor(free + 1 - freeMin)));
    raisedAtMs = nowMs;
  };

  return {
    get threads() {
      return threads;
    },
    look(reading) {
      const before = threads;
      const since = last ?? reading;
      const stepMs = reading.stepMs - since.stepMs;
      last ??= reading;
      if (stepMs < stepMsMin) return false;
      last = reading;
      const got = (reading.cpuMs - since.cpuMs) / stepMs;
      if (threads > 1 && threads - got > missingMax + threads / 50) lower(got, reading.nowMs);
      else if (threads < most && reading.nowMs >= raiseAtMs) {
        const free = freeCores(since, reading);
        if (free >= freeMin) raise(free, reading.nowMs);
      }
      return threads !== before;
    },
  };
};

/** Where nobody tells how idle the machine is, one more thread is tried. */
const freeCores = (since: CpuReading, { nowMs, idleMs }: CpuReading): number =>
  idleMs === undefined || since.idleMs === undefined ? 1 : (idleMs - since.idleMs) / Math.max(1, nowMs - since.nowMs);
