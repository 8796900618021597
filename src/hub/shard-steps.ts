export interface ShardFacts {
  /** Disk space that the shard takes while it is here; none of what another program's cache has as well. */
  sizeBytes: number;
  /** Of that in use already, by a download that was begun. */
  haveBytes: number;
  /** Bytes of the file of floats that its tensors become. */
  writtenBytes: number;
}

export interface ShardSteps {
  /** Disk space that is in use at the worst moment, together with what is in use already. */
  peakBytes: number;
  /** For each shard whether the next one is downloaded while this one is converted. */
  overlaps: boolean[];
}

/**
 * How shards that are converted one after the other share the disk with what they become; pure. A shard goes when its tensors are written, so
 * the worst moment is that before one of them goes. The next one is downloaded meanwhile wherever that makes no moment worse than the worst,
 * or than `laterBytes`, which are needed after all of them anyway. `floatBytes` is what is in the file of floats before.
 */
export const shardSteps = (shards: readonly ShardFacts[], floatBytes: number, laterBytes: number): ShardSteps => {
  let written = floatBytes;
  let waiting = shards.reduce((sum, { haveBytes }) => sum + haveBytes, 0);
  const moments = shards.map(({ sizeBytes, haveBytes, writtenBytes }) => {
    written += writtenBytes;
    waiting -= haveBytes;
    return written + sizeBytes + waiting;
  });
  const peakBytes = Math.max(laterBytes, ...moments);
  const overlaps = moments.map((bytes, index) => {
    const next = shards[index + 1];
    return next !== undefined && bytes + next.sizeBytes - next.haveBytes <= peakBytes;
  });
  return { peakBytes, overlaps };
};
