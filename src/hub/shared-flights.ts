/** What several callers that want the same thing at the same time share: one run, whose events all of them see. */
export interface SharedFlights<Event, Result> {
  /**
   * Joins the run under `key`, or starts it. A late caller is told the last event at once.
   * A caller that aborts leaves the run to the others; the run is aborted when the last one leaves.
   */
  join(
    key: string,
    start: (emit: (event: Event) => void, signal: AbortSignal) => Promise<Result>,
    caller: { onEvent(event: Event): void; signal: AbortSignal },
  ): Promise<Result>;
}

interface Flight<Event, Result> {
  result: Promise<Result>;
  listeners: Set<(event: Event) => void>;
  last?: Event;
  controller: AbortController;
}

export const sharedFlights = <Event, Result>(): SharedFlights<Event, Result> => {
  const flights = new Map<string, Flight<Event, Result>>();
  const takeOff = (
    key: string,
    start: (emit: (event: Event) => void, signal: AbortSignal) => Promise<Result>,
  ): Flight<Event, Result> => {
    const controller = new AbortController();
    const listeners = new Set<(event: Event) => void>();
    const emit = (event: Event) => {
      flight.last = event;
      for (const listener of listeners) listener(event);
    };
    const result = Promise.resolve()
      .then(() => start(emit, controller.signal))
      .finally(() => {
        if (flights.get(key) === flight) flights.delete(key);
      });
    result.catch(() => undefined); // callers that are still here see it
    const flight: Flight<Event, Result> = { result, listeners, controller };
    flights.set(key, flight);
    return flight;
  };
  return {
    async join(key, start, { onEvent, signal }) {
      signal.throwIfAborted();
      const flight = flights.get(key) ?? takeOff(key, start);
      const listener = (event: Event) => onEvent(event); // one of its own, so that two callers may pass the same function
      flight.listeners.add(listener);
      if (flight.last !== undefined) listener(flight.last);
      const left = Promise.withResolvers<never>();
      const leave = () => {
        flight.listeners.delete(listener);
        if (flight.listeners.size > 0) return left.reject(signal.reason);
        flights.delete(key); // the next caller starts anew and does not join a run that is ending
        flight.controller.abort(signal.reason); // and this one waits until the run has put its things away
      };
      signal.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([flight.result, left.promise]);
      } finally {
        signal.removeEventListener("abort", leave);
        flight.listeners.delete(listener);
      }
    },
  };
};
