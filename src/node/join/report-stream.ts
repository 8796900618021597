import type { NodeTelemetry } from "../../api/router.ts";
import type { Clock } from "../../core/clock.ts";
import type { Telemetry } from "./telemetry.ts";

/** One WebSocket to the router, over which the node reports. */
export interface ReportStream {
  /** Resolves when the router has taken the first report; never, when it takes none. */
  readonly heard: Promise<void>;
  /** Resolves when it is over. */
  readonly ended: Promise<{ heard: boolean }>;
  /** Says goodbye and ends. */
  leave(): Promise<void>;
}

const lookMs = 1_000; // how often it looks whether there is something to tell
const deafMs = 15_000; // a router that takes no report for this long is gone, though its machine has not said so
const goodbyeMs = 1_000;

export const openReportStream = (
  { routerUrl, credential }: { routerUrl: string; credential: string },
  { telemetry, clock }: { telemetry: Telemetry; clock: Clock },
): ReportStream => {
  const socket = new WebSocket(`${routerUrl.replace(/^http/, "ws")}/api/router/reports`, {
    headers: { authorization: `Bearer ${credential}` },
  } as never); // Bun's own option: the standard has no headers
  const ended = Promise.withResolvers<{ heard: boolean }>();
  const heard = Promise.withResolvers<void>();
  let heardAtMs: number | undefined;
  let openedAtMs = 0;
  let cancelLook = () => {};
  let onAnswer = () => {};
  const send = (message: NodeTelemetry) => socket.send(JSON.stringify(message));
  const look = () => {
    if (clock.now() - (heardAtMs ?? openedAtMs) > deafMs) return socket.close();
    const message = telemetry.next();
    if (message) send(message);
    cancelLook = clock.after(lookMs, look);
  };
  socket.onopen = () => {
    openedAtMs = clock.now();
    look();
  };
  socket.onmessage = () => {
    heardAtMs = clock.now();
    heard.resolve();
    onAnswer();
  };
  socket.onerror = () => undefined; // a close follows
  socket.onclose = () => {
    cancelLook();
    onAnswer();
    ended.resolve({ heard: heardAtMs !== undefined });
  };
  return {
    heard: heard.promise,
    ended: ended.promise,
    async leave() {
      cancelLook();
      if (socket.readyState === WebSocket.OPEN) {
        const answer = Promise.withResolvers<void>();
        onAnswer = answer.resolve;
        send({ goodbye: true });
        const cancel = clock.after(goodbyeMs, answer.resolve);
        await answer.promise;
        cancel();
      }
      socket.close();
    },
  };
};
