import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { GenerationCounts } from "../core/generation.ts";
import { version } from "../core/version.ts";
import type { Machine } from "../engine/machine.ts";
import type { Engine, RunningModel } from "../engine/types.ts";
import type { Puller } from "../hub/puller.ts";

/** What Prometheus is told. Names and units as it recommends: seconds, bytes, `_total` for what only grows. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  countRequest(request: RequestRecord): void;
  countAnswer(answer: AnswerRecord): void;
}

export interface RequestRecord {
  method: string;
  /** The pattern that it matched. */
  route: string;
  status: number;
}

export interface AnswerRecord {
  model: string;
  /** A finish reason or an error code. */
  outcome: string;
  /** From the request, with load and queue; absent when none came. */
  firstTokenMs?: number;
  /** Of an answer that came to its end. */
  counts?: GenerationCounts;
}

export interface MetricsSources {
  engine: Pick<Engine, "running">;
  machine: Pick<Machine, "report">;
  puller: Pick<Puller, "stats">;
}

// From a cached prompt on a GPU to a long one on a processor, or behind a load.
const firstTokenSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export const createMetrics = (sources: MetricsSources): Metrics => {
  const registry = new Registry();
  const requests = new Counter({
    name: "llmlb_http_requests_total",
    help: "Requests answered",
    labelNames: ["method", "route", "status"],
    registers: [registry],
  });
  const answers = answerMetrics(registry);
  addGauges(registry, sources);
  addPulls(registry, sources);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    countRequest: ({ method, route, status }) => requests.inc({ method, route, status }),
    countAnswer: (answer) => countAnswer(answer, answers),
  };
};

type AnswerMetrics = ReturnType<typeof answerMetrics>;

const answerMetrics = (registry: Registry) => {
  const counter = (name: string, help: string, ...more: string[]) =>
    new Counter({ name, help, labelNames: ["model", ...more], registers: [registry] });
  return {
    ended: counter(
      "llmlb_generations_total",
      "Answers, by how they ended: a finish reason or an error code",
      "outcome",
    ),
    promptTokens: counter("llmlb_prompt_tokens_total", "Tokens of prompts, with those that were cached"),
    cachedTokens: counter("llmlb_cached_prompt_tokens_total", "Tokens of prompts that needed no evaluation"),
    completionTokens: counter("llmlb_completion_tokens_total", "Tokens generated"),
    promptSeconds: counter("llmlb_prompt_seconds_total", "Time in which prompts were evaluated"),
    generationSeconds: counter("llmlb_generation_seconds_total", "Time in which tokens were generated"),
    firstToken: new Histogram({
      name: "llmlb_time_to_first_token_seconds",
      help: "From the request to its first token, with load and queue",
      labelNames: ["model"],
      buckets: firstTokenSeconds,
      registers: [registry],
    }),
  };
};

const countAnswer = ({ model, outcome, firstTokenMs, counts }: AnswerRecord, metrics: AnswerMetrics): void => {
  metrics.ended.inc({ model, outcome });
  if (firstTokenMs !== undefined) metrics.firstToken.observe({ model }, firstTokenMs / 1000);
  if (!counts) return;
  metrics.promptTokens.inc({ model }, counts.promptTokens);
  metrics.cachedTokens.inc({ model }, counts.cachedTokens);
  metrics.completionTokens.inc({ model }, counts.completionTokens);
  metrics.promptSeconds.inc({ model }, counts.promptMs / 1000);
  metrics.generationSeconds.inc({ model }, counts.generationMs / 1000);
};

/** The puller counts for itself: its code is loaded later than these metrics, or never. */
const addPulls = (registry: Registry, { puller }: MetricsSources): void => {
  const shared = { registers: [registry] };
  new Gauge({
    ...shared,
    name: "llmlb_pulls_active",
    help: "Pulls under way",
    collect() {
      this.set(puller.stats().active);
    },
  });
  new Counter({
    ...shared,
    name: "llmlb_pull_bytes_total",
    help: "Bytes of models that were downloaded",
    collect() {
      this.reset();
      this.inc(puller.stats().downloadedBytes);
    },
  });
  new Counter({
    ...shared,
    name: "llmlb_pulls_total",
    help: "Pulls, by how they ended: success or an error code",
    labelNames: ["outcome"],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(puller.stats().ended)) this.inc({ outcome }, count);
    },
  });
};

/** What is so now, looked at when somebody asks. */
const addGauges = (registry: Registry, { engine, machine }: MetricsSources): void => {
  const perModel: Record<string, [help: string, (running: RunningModel) => number]> = {
    llmlb_model_memory_bytes: ["Memory of a loaded model", ({ model }) => model.memoryBytes],
    llmlb_model_vram_bytes: ["GPU memory of a loaded model", ({ model }) => model.vramBytes],
    llmlb_slots: ["Requests that a loaded model answers at once", ({ model }) => model.slots],
    llmlb_slots_busy: ["Slots at work", ({ users, model }) => Math.min(users, model.slots)],
    llmlb_requests_queued: ["Requests that wait for a slot", ({ users, model }) => Math.max(0, users - model.slots)],
  };
  for (const [name, [help, measure]] of Object.entries(perModel))
    gauge(registry, { name, help, labelNames: ["model"] }, (one) => {
      for (const running of engine.running()) one.set({ model: running.name }, measure(running));
    });
  const perDevice = { llmlb_device_memory_bytes: "totalBytes", llmlb_device_memory_free_bytes: "freeBytes" } as const;
  for (const [name, field] of Object.entries(perDevice))
    gauge(registry, { name, help: "Memory of a device", labelNames: ["device"] }, (one) => {
      for (const device of machine.report()?.devices ?? []) one.set({ device: device.name }, device[field]);
    });
  gauge(registry, { name: "llmlb_info", help: "Which llmlb this is", labelNames: ["version"] }, (one) =>
    one.set({ version }, 1),
  );
};

const gauge = (
  registry: Registry,
  { labelNames, ...texts }: { name: string; help: string; labelNames: [string] },
  look: (gauge: Gauge) => void,
) =>
  new Gauge({
    ...texts,
    labelNames,
    registers: [registry],
    collect() {
      this.reset(); // a model that is gone is not zero
      look(this);
    },
  });
