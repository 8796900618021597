import { AppError } from "../../core/errors.ts";
import { type FloatType, floatTypes, type StoredTensor } from "../checkpoint/safetensors-header.ts";
import type { Change, TensorPlan } from "./tensor-plan.ts";

/** One read, one change, one write. */
export interface Block<S> {
  source: S;
  /** In the source's file, in bytes. */
  from: number;
  bytes: number;
  /** In the file that is written, in bytes. */
  to: number;
  type: FloatType;
  change?: Change;
  /** Bytes of a row of the source. */
  rowBytes: number;
}

/**
 * Of a read. Measured from 128 KiB to 16 MiB: what is read is written while it is in the processor's cache, and Linux gives writes of
 * 1 MiB and more pages of a size that a virtual machine may first have to get from its host, which doubled the time.
 */
const blockBytesMax = 512 * 1024;

/** A head that is permuted is held whole; those of real models have 1 to 4 MB. */
const headBytesMax = 64 * 1024 ** 2;

/**
 * The work for one tensor whose data begin at `to` in the written file, as far as `isWanted` takes its sources. Throws `unsupported` for heads
 * that are too large.
 */
export function* planBlocks<S extends StoredTensor>(
  plan: TensorPlan,
  sources: ReadonlyMap<string, S>,
  to: number,
  isWanted: (source: S) => boolean = () => true,
): Generator<Block<S>> {
  const { type, change } = plan;
  let written = to;
  for (const slice of plan.slices) {
    const source = sources.get(slice.tensor);
    if (source === undefined)
      throw new AppError("internal", `${plan.name} is made of ${slice.tensor}, which is not there`);
    const elementBytes = floatTypes[source.type];
    const rowBytes = (source.shape.length < 2 ? 1 : (source.shape.at(-1) ?? 1)) * elementBytes;
    const unit = change?.kind === "permute" ? change.headRows * rowBytes : elementBytes;
    if (unit > headBytesMax) throw new AppError("unsupported", `${source.name} has heads of ${unit} bytes`);
    const step = Math.max(unit, Math.floor(blockBytesMax / unit) * unit);
    const sizeBytes = slice.length * elementBytes;
    if (!isWanted(source)) {
      written += slice.length * floatTypes[type];
      continue;
    }
    for (let done = 0; done < sizeBytes; done += step) {
      const bytes = Math.min(step, sizeBytes - done);
      const from = source.offset + slice.start * elementBytes + done;
      yield { source, from, bytes, to: written, type, rowBytes, ...(change && { change }) };
      written += (bytes / elementBytes) * floatTypes[type];
    }
  }
}
