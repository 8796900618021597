import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./median.ts";
import { writeLargeCheckpoint } from "./write-large-checkpoint.ts";

export interface ConvertBench {
  sizeBytes: number;
  runs: number;
  /** Medians; both with what they wrote on disk at the end. */
  convertSeconds: number;
  copySeconds: number;
  /** Bytes for a second of the conversion, divided by those of `cp`. */
  ratio: number;
  /** Peak resident memory of the converting process. */
  peakMB: number;
}

/** Copies a Llama of 1 GB in BF16 with `cp` and converts it, taking turns, each in a process of its own. */
export const benchConvert = async ({ runs = 5, folder = tmpdir() } = {}): Promise<ConvertBench> => {
  const dir = await mkdtemp(join(folder, "llmlb-bench-convert-"));
  try {
    const source = join(dir, "source");
    const sizeBytes = await writeLargeCheckpoint(source, { layers: 10, shards: 1 });
    const converted: { seconds: number; peakMB: number }[] = [];
    const copied: number[] = [];
    for (let run = 0; run < runs; run++) {
      copied.push(
        (await timed(["sh", "-c", 'cp "$0" "$1" && sync "$1"', join(source, "model.safetensors"), join(dir, "copy")]))
          .seconds,
      );
      await rm(join(dir, "copy"));
      converted.push(
        await timed([process.execPath, join(import.meta.dir, "convert-process.ts"), source, join(dir, "out.gguf")]),
      );
      await rm(join(dir, "out.gguf"));
    }
    const convertSeconds = median(converted.map(({ seconds }) => seconds));
    const copySeconds = median(copied);
    const peakMB = Math.max(...converted.map((one) => one.peakMB));
    return { sizeBytes, runs, convertSeconds, copySeconds, ratio: copySeconds / convertSeconds, peakMB };
  } finally {
    await rm(dir, { recursive: true });
  }
};

const timed = async (command: string[]) => {
  const started = performance.now();
  const child = Bun.spawn(command, { stdout: "inherit", stderr: "inherit" });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  const peakMB = Math.round((child.resourceUsage()?.maxRSS ?? 0) / 1024 ** 2);
  return { seconds: (performance.now() - started) / 1000, peakMB };
};
