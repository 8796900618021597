// Beyond this, more threads wait for memory rather than compute, and a node has other models to serve.
const threadsMax = 16;

/**
 * Threads that a model computes with when nobody says how many: the physical cores but one, at most 16, at least 1.
 * One core stays free because llama.cpp's threads spin: with as many of them as cores, any other work on the machine
 * makes all of them wait for the one that was displaced (measured on 2 cores: 4-80 tokens/s instead of 230-450).
 */
export const computeThreads = (physicalCores: number): number =>
  Math.min(threadsMax, Math.max(1, Math.floor(physicalCores) - 1));
