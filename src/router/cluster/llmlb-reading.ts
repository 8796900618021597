import type { NodeDevice } from "../../api/node.ts";
import type { ModelReading, NodeReading } from "../types.ts";
import type { HeldByProcess } from "./held-prompts.ts";
import { countOf, type Fields, fieldsOf, recordsOf, textOf, textsOf, told } from "./read-answer.ts";

/**
 * What an llmlb node tells, as a reading: its report (`GET /api/node`), its stored models, in the form of `GET /api/tags`, and what its runners
 * hold in their caches.
 */
export const llmlbReading = (
  report: Fields,
  stored: readonly Fields[],
  held: HeldByProcess = new Map(),
): NodeReading => {
  const loaded = recordsOf(report.models);
  const names = new Set(stored.flatMap(({ name }) => textOf(name) ?? []));
  const loadedByName = new Map(loaded.map((model) => [textOf(model.name), model]));
  const gone = loaded.filter(({ name }) => !names.has(textOf(name) ?? "")); // deleted while it is loaded
  return {
    ...told({
      version: textOf(report.version),
      availableBytes: countOf(fieldsOf(report.memory).available_bytes),
      diskFreeBytes: countOf(fieldsOf(report.disk).free_bytes),
    }),
    models: [...stored, ...gone].flatMap(
      (model) => modelReading(model, loadedByName.get(textOf(model.name)), held) ?? [],
    ),
    devices: recordsOf(report.devices).flatMap((device) => deviceOf(device) ?? []),
  };
};

const modelReading = (
  stored: Fields,
  loaded: Fields | undefined,
  heldByProcess: HeldByProcess,
): ModelReading | undefined => {
  const name = textOf(stored.name);
  if (name === undefined) return undefined;
  const process = countOf(loaded?.pid);
  const aliases = textsOf(stored.aliases);
  return {
    name,
    ...(aliases.length > 0 && { aliases }),
    loaded: loaded !== undefined,
    ...told({
      quantization: textOf(fieldsOf(stored.details).quantization_level),
      sizeBytes: countOf(stored.size),
      contextTokens: countOf(loaded?.context_length),
      slots: countOf(loaded?.slots),
      busySlots: countOf(loaded?.busy_slots),
      queued: countOf(loaded?.queued),
      promptTokensPerSecond: countOf(loaded?.prompt_tokens_per_second),
      process,
      held: process === undefined ? undefined : heldByProcess.get(process),
    }),
  };
};

const deviceKinds = ["gpu", "igpu", "cpu", "accelerator"] as const;

const deviceOf = (fields: Fields): NodeDevice | undefined => {
  const kind = deviceKinds.find((one) => one === fields.kind);
  const [name, description] = [textOf(fields.name), textOf(fields.description)];
  const [totalBytes, freeBytes] = [countOf(fields.total_bytes), countOf(fields.free_bytes)];
  if (!kind || name === undefined || totalBytes === undefined || freeBytes === undefined) return undefined;
  return {
    name,
    description: description ?? name,
    kind,
    total_bytes: totalBytes,
    free_bytes: freeBytes,
    used: fields.used === true,
    ...told({ utilization: countOf(fields.utilization), temperature_celsius: countOf(fields.temperature_celsius) }),
  };
};
