import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { NodeReading, NodeRecord, NodeState, Outcome } from "../types.ts";
import { type AskOptions, askNode } from "./ask-node.ts";
import { afterEvent, type Health, type HealthEvent, newHealth, nextProbeMs, statusOf } from "./health.ts";
import { indexModels } from "./index-models.ts";
import { probes } from "./probes.ts";

export interface MemberDeps {
  clock: Clock;
  log: Log;
  /** From 0 to 1. */
  random(): number;
  ask: Omit<AskOptions, "clock" | "signal">;
  /** What is sent to the node now. */
  credential(): string | undefined;
  onChange(): void;
}

export interface ReportSink {
  /** False when a newer stream has taken the place of this one. */
  report(reading: NodeReading): boolean;
  /** The stream broke. */
  ended(): void;
}

const reportLateMs = 15_000; // three reports
const reportLostMs = 30_000;

/** One node and what is known of it: asked by probes, or told by its reports while it has a stream of them. */
export class Member {
  /** Resolves when the first probe is over, or was not needed. */
  readonly asked: Promise<void>;
  #deps: MemberDeps;
  #record: NodeRecord;
  #state: NodeState;
  #health: Health = newHealth;
  #reading: NodeReading = { models: [] };
  #modelsByName = indexModels([]);
  #lastSeenMs: number | undefined;
  /** The stream of reports that counts. */
  #stream: ReportSink | undefined;
  #probing: Promise<void> | undefined;
  #stopped = new AbortController();
  #isAsked = false;
  #markAsked: () => void;
  #cancelProbe = () => {};
  #cancelSilence = () => {};

  constructor(record: NodeRecord, deps: MemberDeps) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.asked = promise;
    this.#markAsked = () => {
      this.#isAsked = true;
      resolve();
    };
    this.#deps = deps;
    this.#record = record;
    this.#state = this.#toState();
  }

  get isAsked(): boolean {
    return this.#isAsked;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Asks the node, and again and again until `stop`. */
  start(): void {
    this.#schedule(0);
  }

  change(record: NodeRecord): void {
    this.#record = record;
    this.#publish();
  }

  note(outcome: Outcome): void {
    const { failures, faults } = this.#health;
    if (outcome === "answered") {
      if (failures + faults > 0) this.#happen({ type: "answered" }); // most requests change nothing
    } else if (outcome === "failed") {
      this.#happen({ type: "faulted" });
      if (this.#stream) this.#schedule(nextProbeMs(0, this.#deps.random())); // so that it is forgotten without requests too
    } else {
      this.#happen({ type: "unreachable", reason: "a request did not reach it" });
      this.#schedule(0); // is it gone, or was it one connection?
    }
  }

  /** Takes what has just been read from the node, as if by a probe of its own. */
  know(reading: NodeReading): void {
    this.#read(reading);
    this.#markAsked();
    this.#happen({ type: "probed" });
    this.#schedule(nextProbeMs(0, this.#deps.random()));
  }

  /** Begins a stream of reports, which takes the place of an older one. */
  openReports(): ReportSink {
    const sink: ReportSink = {
      report: (reading) => {
        if (this.#stream !== sink) return false;
        this.#read(reading);
        this.#markAsked();
        this.#expectReport();
        this.#happen({ type: "reported" });
        return true;
      },
      ended: () => {
        if (this.#stream !== sink) return;
        this.#stream = undefined;
        this.#cancelSilence();
        this.#happen({ type: "stream-ended" });
        this.#schedule(0);
      },
    };
    this.#stream = sink;
    this.#expectReport();
    return sink;
  }

  stop(): void {
    this.#stream = undefined;
    this.#stopped.abort(new AppError("cancelled", "the node was removed"));
    this.#cancelProbe();
    this.#cancelSilence();
    this.#markAsked();
  }

  /** Asks the node now: what it has has probably changed. */
  async refresh(): Promise<void> {
    await this.#probing; // it may have been answered before the change
    await this.#probe({ believed: true });
  }

  async #probe(options?: { believed: boolean }): Promise<void> {
    this.#probing ??= this.#askOnce(options).finally(() => {
      this.#probing = undefined;
    });
    await this.#probing;
  }

  async #askOnce({ believed = false } = {}): Promise<void> {
    const { ask, clock, random, credential } = this.#deps;
    const { signal } = this.#stopped;
    const { url, kind } = this.#record;
    try {
      const reading = await probes[kind](askNode(url, credential(), { ...ask, clock, signal }));
      if (!this.#stream || believed) this.#read(reading); // a stream knows more, but not at every moment
      this.#happen({ type: "probed" });
    } catch (error) {
      this.#happen({ type: "unreachable", reason: toAppError(error).message });
    }
    this.#markAsked();
    const { failures } = this.#health;
    if (!this.#stream || failures > 0) this.#schedule(nextProbeMs(failures, random()));
  }

  #schedule(ms: number): void {
    this.#cancelProbe();
    if (!this.#stopped.signal.aborted) this.#cancelProbe = this.#deps.clock.after(ms, () => void this.#probe());
  }

  #expectReport(): void {
    const { clock } = this.#deps;
    this.#cancelSilence();
    this.#cancelSilence = clock.after(reportLateMs, () => {
      this.#happen({ type: "silent", silence: "late" });
      this.#cancelSilence = clock.after(reportLostMs - reportLateMs, () =>
        this.#happen({ type: "silent", silence: "lost" }),
      );
    });
  }

  #read(reading: NodeReading): void {
    this.#lastSeenMs = this.#deps.clock.now();
    if (reading.models !== this.#reading.models) this.#modelsByName = indexModels(reading.models);
    this.#reading = reading;
  }

  #happen<T extends HealthEvent["type"]>(event: Extract<HealthEvent, { type: T }>): void {
    if (this.#stopped.signal.aborted) return;
    this.#health = afterEvent(this.#health, event);
    this.#publish();
  }

  #publish(): void {
    const before = this.#state.status;
    this.#state = this.#toState();
    const { id, url, status, reason } = this.#state;
    if (status !== before) this.#deps.log.info(`node ${id} (${url}) is ${status}${reason ? `: ${reason}` : ""}`);
    this.#deps.onChange();
  }

  #toState(): NodeState {
    const { draining } = this.#record;
    return {
      ...this.#record,
      ...statusOf(this.#health, { draining, trouble: this.#reading.trouble }),
      reading: this.#reading,
      modelsByName: this.#modelsByName,
      ...(this.#lastSeenMs !== undefined && { lastSeenMs: this.#lastSeenMs }),
    };
  }
}
