import type { NodeTelemetry } from "../../api/router.ts";
import { parseJson } from "../../core/json.ts";
import type { Log } from "../../core/log.ts";
import type { SocketPeer } from "../../http/sockets.ts";
import type { ManagedCluster } from "../cluster/create-cluster.ts";
import { type HeldByProcess, updateHeld } from "../cluster/held-prompts.ts";
import { llmlbReading } from "../cluster/llmlb-reading.ts";
import type { ReportSink } from "../cluster/member.ts";
import { type Fields, fieldsOf, recordsOf } from "../cluster/read-answer.ts";

/** The WebSockets over which nodes report. */
export interface ReportSockets {
  /** What happens on the socket of a node. */
  peer(nodeId: string): SocketPeer;
  closeAll(): void;
}

export const createReportSockets = (cluster: ManagedCluster, log: Log): ReportSockets => {
  const open = new Set<{ close(): void }>();
  let closing = false;
  return {
    peer: (nodeId) => {
      const reports = createReports(nodeId, cluster, log);
      let socket: Parameters<SocketPeer["opened"]>[0] | undefined;
      return {
        opened(opened) {
          socket = opened;
          open.add(opened);
        },
        async message(text) {
          if (await reports.take(fieldsOf(parseJson(text)))) socket?.send("{}");
          else socket?.close();
        },
        closed() {
          if (socket) open.delete(socket);
          if (!closing) void reports.end(); // else it was the router's doing
        },
      };
    },
    closeAll: () => {
      closing = true;
      for (const socket of open) socket.close();
    },
  };
};

/** One stream of reports, whose messages are taken in order. `take` is false when the stream is of no use any more. */
const createReports = (nodeId: string, cluster: ManagedCluster, log: Log) => {
  let sink: ReportSink | undefined;
  let stored: readonly Fields[] = [];
  let held: HeldByProcess = new Map();
  let gone = false;
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = <T>(step: () => Promise<T>): Promise<T> => {
    const done = last.then(step);
    last = done.catch(() => undefined);
    return done;
  };
  const take = async ({
    key,
    goodbye,
    report,
    stored: fresh,
    prompts,
  }: Fields & Partial<Record<keyof NodeTelemetry, unknown>>) => {
    if (gone) return false;
    if (goodbye === true) {
      gone = true;
      await cluster.leave(nodeId);
      log.info(`node ${nodeId} has left`);
      return true;
    }
    sink ??= await cluster.openReports(nodeId, keyOf(key));
    if (fresh !== undefined) stored = recordsOf(fresh);
    const told = fieldsOf(report);
    held = updateHeld(held, told, prompts);
    return sink.report(llmlbReading(told, stored, held));
  };
  return {
    take: (message: Fields) =>
      inOrder(() => take(message)).catch((error: Error) => {
        log.warn(`node ${nodeId}: ${error.message}`); // it was removed
        return false;
      }),
    end: () =>
      inOrder(async () => {
        if (!gone) sink?.ended();
        gone = true;
      }),
  };
};

/** A key that can stand in a header; a node sends one with its first message. */
const keyOf = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\x21-\x7e]{16,256}$/.test(value) ? value : undefined;
