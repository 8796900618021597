import type { Clock } from "../core/clock.ts";
import { Dropped, downloadPart } from "./part-download.ts";
import type { Part } from "./plan-parts.ts";
import type { Restart } from "./range-request.ts";
import { nextStreamCount, streamsAtFirst, streamsToDrop } from "./stream-watch.ts";
import type { Stream, Transfer } from "./transfer.ts";

const tickMs = 1_000;

/**
 * Downloads parts side by side: a few streams at first, more while more bring more. Returns when every part is on the disk,
 * or why the file must start again. When it returns or throws, no request and no write is under way any more.
 */
export const runParts = async (
  request: Omit<Transfer, "streams" | "changedEtag">,
  parts: readonly Part[],
): Promise<Restart | undefined> => {
  const pool = new AbortController();
  const queue = [...parts];
  const workers = new Set<Promise<void>>();
  const end: { restart?: Restart; failure?: unknown } = {};
  const meter = { bytes: 0 };
  const transfer = poolTransfer(request, pool.signal, meter);
  const work = async () => {
    try {
      for (let part = queue.shift(); part && !pool.signal.aborted; part = queue.shift()) {
        const restart = await downloadPart(transfer, part);
        if (!restart) continue;
        end.restart ??= restart;
        pool.abort(new Error("the file starts again"));
      }
    } catch (error) {
      if (!pool.signal.aborted) end.failure = error;
      pool.abort(error);
    }
  };
  const use = (streams: number) => {
    while (workers.size < streams && queue.length > 0) {
      const worker: Promise<void> = work().finally(() => workers.delete(worker));
      workers.add(worker);
    }
  };
  const onAbort = () => pool.abort(request.signal.reason);
  request.signal.throwIfAborted();
  request.signal.addEventListener("abort", onAbort, { once: true });
  use(streamsAtFirst);
  const stopTicking = everyTick(request.clock, growAndWatch(transfer, meter, use));
  try {
    while (workers.size > 0) await Promise.race(workers);
  } finally {
    stopTicking();
    request.signal.removeEventListener("abort", onAbort);
  }
  request.signal.throwIfAborted();
  if (end.failure !== undefined) throw end.failure;
  return end.restart;
};

const poolTransfer = (
  request: Omit<Transfer, "streams" | "changedEtag">,
  signal: AbortSignal,
  meter: { bytes: number },
): Transfer => {
  let firstEtag: string | undefined;
  return {
    ...request,
    signal,
    streams: new Set<Stream>(),
    onWritten(start, end) {
      meter.bytes += end - start;
      request.onWritten(start, end);
    },
    changedEtag(etag) {
      firstEtag ??= etag;
      return etag !== undefined && etag !== firstEtag;
    },
  };
};

const growAndWatch = (transfer: Transfer, meter: { bytes: number }, use: (streams: number) => void) => {
  let streams = streamsAtFirst;
  let best = 0;
  let bytesBefore = 0;
  return () => {
    const rate = meter.bytes - bytesBefore;
    bytesBefore = meter.bytes;
    streams = nextStreamCount(streams, rate, best);
    best = Math.max(best, rate);
    use(streams);
    for (const { stream, reason } of streamsToDrop([...transfer.streams], transfer.clock.now()))
      stream.controller.abort(new Dropped(reason));
  };
};

/** Calls `action` every second of the clock until the returned function is called. */
const everyTick = (clock: Clock, action: () => void): (() => void) => {
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(tickMs, () => {
      schedule();
      action();
    });
  };
  schedule();
  return () => cancel();
};
