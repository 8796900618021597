/** Turns calls into values that one reader iterates over. */
export interface Channel<T> {
  send(value: T): void;
  close(): void;
  fail(error: unknown): void;
  values(): AsyncGenerator<T>;
}

// A reader this far behind does not read at all; the oldest progress is of no use to it.
const waitingMax = 1024;

export const createChannel = <T>(): Channel<T> => {
  const waiting: T[] = [];
  let end: { error?: unknown } | undefined;
  let change = Promise.withResolvers<void>();
  const wake = () => {
    change.resolve();
    change = Promise.withResolvers();
  };
  return {
    send(value) {
      waiting.push(value);
      if (waiting.length > waitingMax) waiting.shift();
      wake();
    },
    close() {
      end ??= {};
      wake();
    },
    fail(error) {
      end ??= { error };
      wake();
    },
    async *values() {
      for (;;) {
        const changed = change.promise;
        while (waiting.length > 0) yield waiting.shift() as T;
        if (end && waiting.length === 0) break;
        if (changed === change.promise) await changed;
      }
      if (end && "error" in end) throw end.error;
    },
  };
};
