import { useEffect, useState } from "preact/hooks";

export interface Polled<T> {
  value?: T;
  /** Of the last try; `value` is then an older one. */
  error?: unknown;
  atMs?: number;
  reload(): void;
}

/**
 * Asks again `everyMs` after each answer, while the page is seen: a tab in the background costs the router nothing.
 * `what` names the thing that is asked for; another name begins anew.
 */
export const usePoll = <T>(what: string, load: (signal: AbortSignal) => Promise<T>, everyMs: number): Polled<T> => {
  const [state, setState] = useState<{ what: string } & Omit<Polled<T>, "reload">>({ what });
  const [round, setRound] = useState(0);
  // `what` stands for `load`, which is another function each time
  useEffect(() => {
    const leave = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const value = await load(leave.signal);
        if (!leave.signal.aborted) setState({ what, value, atMs: Date.now() });
      } catch (error) {
        if (!leave.signal.aborted) setState((last) => ({ ...(last.what === what ? last : { what }), error }));
      }
      if (!leave.signal.aborted && !document.hidden) timer = setTimeout(ask, everyMs);
    };
    const onVisible = (): void => {
      clearTimeout(timer);
      if (!document.hidden) void ask();
    };
    void ask();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      leave.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [what, everyMs, round]);
  const { what: shown, ...polled } = state;
  return { ...(shown === what ? polled : {}), reload: () => setRound((last) => last + 1) };
};
