import { headerLength, lengthBytes } from "../convert/checkpoint/safetensors-header.ts";
import { AppError } from "../core/errors.ts";
import type { DiskFile } from "./disk-access.ts";
import type { Target } from "./fetch-file.ts";
import { fetchParts } from "./fetch-parts.ts";
import type { HubContext } from "./hub-context.ts";
import { newPart } from "./plan-parts.ts";
import { fileLocator, resolveFile } from "./resolve-file.ts";

/** Enough for the headers of all but mixtures of experts: about 100 tensors, 120 bytes each. */
const firstBytes = 16 * 1024;

const atATime = 8;

/** The headers of all `targets`, by the names of their files; a few at a time. Writes nothing. */
export const fetchHeaders = async (
  context: HubContext,
  targets: readonly Target[],
): Promise<Map<string, Uint8Array>> => {
  const headers = new Map<string, Uint8Array>();
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const queue = targets.values();
  const lane = async () => {
    for (const target of queue) headers.set(target.file.path, await fetchHeader({ ...context, signal }, target));
  };
  try {
    await Promise.all(Array.from({ length: atATime }, lane));
  } catch (error) {
    failed.abort(error); // ends the other lanes
    throw error;
  }
  return headers;
};

/** What a safetensors file begins with, up to its data. Throws `corrupt` for a length that cannot be. */
const fetchHeader = async (context: HubContext, target: Target): Promise<Uint8Array> => {
  const { sizeBytes, file } = target;
  const first = await fetchBeginning(context, target, Math.min(firstBytes, sizeBytes));
  const wanted = lengthBytes + headerLength(first, sizeBytes, file.path);
  return (wanted <= first.length ? first : await fetchBeginning(context, target, wanted)).subarray(0, wanted);
};

const fetchBeginning = async (context: HubContext, target: Target, length: number): Promise<Uint8Array> => {
  const { clock, log, signal } = context;
  const { location, plan, file, label, sizeBytes } = target;
  const bytes = new Uint8Array(length);
  const locator = fileLocator(location, () => resolveFile(context, plan.repository, file));
  const transfer = {
    locator,
    label,
    log,
    signal,
    clock,
    sizeBytes,
    file: memoryFile(bytes),
    onWritten: () => undefined,
  };
  const restart = await fetchParts({ ...transfer, ranged: true }, [newPart(0, length)]);
  // Of a server that knows no ranges the beginning of the whole file is taken, and no more.
  const again = restart && (await fetchParts({ ...transfer, ranged: restart.ranged }, [newPart(0, length)]));
  if (again)
    throw new AppError("hub_unavailable", `${label} changes while it is read (${again.reason}); try again later`);
  return bytes;
};

const memoryFile = (bytes: Uint8Array): DiskFile => ({
  async write(chunks, position) {
    let at = position;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
  },
  sync: async () => undefined,
  close: async () => undefined,
});
