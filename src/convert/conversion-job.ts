import { isRecord } from "../core/json.ts";
import type { FloatType, Quantization } from "./quantizations.ts";

/** The language model, or what makes it see: a GGUF file each. */
export type ModelPart = "model" | "projector";

/** One piece of work for one process. */
export type ConversionJob =
  | {
      type: "convert";
      /** Folder of the repository's files: the shard, and of the other shards at least the headers. */
      dir: string;
      output: string;
      part: ModelPart;
      target: FloatType;
      /** The model's own name, for its metadata. */
      name: string;
      shard: string;
      /** Whether other shards were written to `output` before. */
      begun: boolean;
    }
  | {
      type: "quantize";
      input: string;
      output: string;
      target: Quantization;
      /** Absent = as many as compute an answer. */
      threads?: number;
    };

export interface JobResult {
  /** Version of llama.cpp, where it took part. */
  llamaCpp?: string;
}

/** What the process tells; the last one is `done` or `failed`. */
export type JobMessage =
  | { type: "progress"; done: number; total: number }
  | { type: "done"; result: JobResult }
  | { type: "failed"; code: string; message: string };

const messageTypes: ReadonlySet<unknown> = new Set<JobMessage["type"]>(["progress", "done", "failed"]);

/** Both ends are the same executable: enough to tell a message from something else. */
export const isJobMessage = (value: unknown): value is JobMessage => isRecord(value) && messageTypes.has(value.type);

export const isConversionJob = (value: unknown): value is ConversionJob =>
  isRecord(value) && (value.type === "convert" || value.type === "quantize");
