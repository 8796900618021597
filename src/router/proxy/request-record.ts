import type { Clock } from "../../core/clock.ts";
import type { AppError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { TokenCount } from "./answer-tokens.ts";
import type { NodeChoice } from "./placement.ts";

/** One request of a client, from its arrival to the end of its answer, without what it says. */
export interface RequestRecord {
  readonly route: string;
  /** As asked for; only what some node has, so that names of clients' making fill no table. */
  readonly model?: string | undefined;
  readonly node?: string | undefined;
  /** Why that node. */
  readonly reason?: string | undefined;
  readonly way?: "native" | "translated" | undefined;
  readonly status: number;
  /** Absent = it went well; an error code otherwise, also of a stream that broke after its status. */
  readonly fault?: string | undefined;
  readonly queueMs: number;
  /** From the arrival; absent when no byte came. */
  readonly firstByteMs?: number | undefined;
  readonly durationMs: number;
  /** Nodes that were asked in vain. */
  readonly retries: number;
  /** Of the answer; absent = not known. */
  readonly tokens?: number | undefined;
  /** See `TokenCount`. */
  readonly tokensAtLeast?: boolean | undefined;
}

export interface OpenRecord {
  model?: string;
  queueMs: number;
  readonly way: RequestRecord["way"];
  chosen(choice: NodeChoice, way: RequestRecord["way"]): void;
  failed(nodeId: string, error: AppError): void;
  firstByte(): void;
  /** What the client is told of where its answer comes from. */
  headers(): [name: string, value: string][];
  /** Called when the request has ended. */
  whenOver(action: () => void): void;
  /** Once; what comes later is not heard. */
  end(end: { status: number; error?: AppError; count?: TokenCount | undefined }): void;
}

export interface RecordKeeper {
  open(route: string): OpenRecord;
}

interface KeeperOptions {
  clock: Clock;
  log: Log;
  traffic: Traffic;
  onEnd(record: RequestRecord): void;
}

/** Counts what is going on. */
export interface Traffic {
  /** A request for a model has arrived. */
  count(): void;
  /** A request goes to a node; call what is returned once when it has ended. */
  enter(nodeId: string): () => void;
}

export const createRecordKeeper = ({ clock, log, traffic, onEnd }: KeeperOptions): RecordKeeper => ({
  open(route) {
    const arrivedMs = clock.now();
    let choice: NodeChoice | undefined;
    let way: RequestRecord["way"];
    let leave: (() => void) | undefined;
    let firstByteMs: number | undefined;
    let retries = 0;
    let over = false;
    let afterwards: (() => void) | undefined;
    traffic.count();
    return {
      queueMs: 0,
      get way() {
        return way;
      },
      chosen(chosen, chosenWay) {
        leave?.();
        choice = chosen;
        way = chosenWay;
        leave = traffic.enter(chosen.node.id);
      },
      failed(nodeId, error) {
        retries++;
        log.debug(`${route}: node ${nodeId} did not answer: ${error.message}`);
      },
      firstByte() {
        firstByteMs = clock.now() - arrivedMs;
      },
      headers() {
        const queue: [string, string] = ["x-llmlb-queue-ms", String(Math.round(this.queueMs))];
        return choice ? [["x-llmlb-node", choice.node.id], ["x-llmlb-reason", choice.reason], queue] : [queue];
      },
      whenOver(action) {
        afterwards = action;
      },
      end({ status, error, count }) {
        if (over) return;
        over = true;
        leave?.();
        afterwards?.();
        const record: RequestRecord = {
          route,
          status,
          retries,
          way,
          firstByteMs,
          queueMs: this.queueMs,
          tokens: count?.tokens,
          tokensAtLeast: count?.atLeast || undefined,
          model: choice && this.model,
          node: choice?.node.id,
          reason: choice?.reason,
          fault: error?.code,
          durationMs: clock.now() - arrivedMs,
        };
        tell(log, record, error);
        onEnd(record);
      },
    };
  },
});

const tell = (log: Log, record: RequestRecord, error: AppError | undefined): void => {
  if (error && record.status >= 500) log.info(`${accessLine(record)}: ${error.message}`);
  else if (log.verbose) log.debug(accessLine(record));
};

/** `key=value` in one line, for people and for what collects logs. */
const accessLine = (record: RequestRecord): string =>
  Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : value}`)
    .join(" ");
