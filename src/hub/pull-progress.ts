import type { Clock } from "../core/clock.ts";

/** One step of a pull; the shape of Ollama's pull events. `total` and `completed` are bytes of the blob `digest`. */
export interface PullProgress {
  status: string;
  digest?: string;
  total?: number;
  completed?: number;
}

const intervalMs = 60; // as often as Ollama; a terminal shows no more

export interface BlobProgress {
  /** `completed` bytes are here; shown at most every 60 ms and never as less than before. */
  update(completed: number): void;
  /** Shows the blob as complete. */
  finish(): void;
}

export const blobProgress = (
  blob: { digest: string; hex: string; total: number },
  clock: Clock,
  emit: (progress: PullProgress) => void,
): BlobProgress => {
  const { digest, total } = blob;
  let shown = -1;
  let shownMs = Number.NEGATIVE_INFINITY;
  const show = (completed: number) => {
    shown = completed;
    shownMs = clock.now();
    emit({ status: `pulling ${blob.hex.slice(0, 12)}`, digest, total, completed });
  };
  return {
    update(completed) {
      const next = Math.min(completed, total);
      if (next > shown && clock.now() - shownMs >= intervalMs) show(next);
    },
    finish() {
      if (shown < total) show(total);
    },
  };
};

/** Tells how far a step is that is no download, e.g. `converting to BF16`; as often as a download does, and never as less than before. */
export const stepProgress = (
  status: string,
  clock: Clock,
  emit: (progress: PullProgress) => void,
): ((completed: number, total: number) => void) => {
  let shown = -1;
  let shownMs = Number.NEGATIVE_INFINITY;
  return (completed, total) => {
    const due = completed >= total || clock.now() - shownMs >= intervalMs;
    if (completed <= shown || !due) return;
    shown = completed;
    shownMs = clock.now();
    emit({ status, total, completed });
  };
};
