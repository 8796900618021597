import type { OllamaPullProgress } from "../../api/ollama.ts";
import { printable } from "./printable.ts";
import { createTransferRate, type TransferRate } from "./transfer-rate.ts";

/** A line of a pull's display, in the order of its first appearance. */
export type PullLine =
  | { kind: "status"; text: string }
  | { kind: "blob"; digest: string; label: string; totalBytes: number; completedBytes: number; rate: TransferRate };

export interface PullState {
  lines: PullLine[];
  /** Takes one progress record in; returns the line that it changed and whether the line is new. */
  take(progress: OllamaPullProgress, nowMs: number): { line: PullLine; isNew: boolean };
}

/** Gathers the records of a pull into lines: one for each status, one for each blob. A blob's count never goes back. */
export const createPullState = (): PullState => {
  const lines: PullLine[] = [];
  const takeStatus = (text: string) => {
    const last = lines.findLast((line) => line.kind === "status");
    if (last?.text === text) return { line: last, isNew: false };
    const line = { kind: "status", text } as const;
    lines.push(line);
    return { line, isNew: true };
  };
  return {
    lines,
    take(progress, nowMs) {
      const { digest, total = 0, completed = 0 } = progress;
      if (!digest) return takeStatus(printable(progress.status));
      const known = lines.find((line) => line.kind === "blob" && line.digest === digest);
      const line = known?.kind === "blob" ? known : newBlob(digest);
      if (!known) lines.push(line);
      line.totalBytes = Math.max(line.totalBytes, total);
      line.completedBytes = Math.min(Math.max(line.completedBytes, completed), line.totalBytes);
      line.rate.note(line.completedBytes, nowMs);
      return { line, isNew: !known };
    },
  };
};

const newBlob = (digest: string): PullLine & { kind: "blob" } => ({
  kind: "blob",
  digest,
  label: `pulling ${printable(digest)
    .replace(/^sha256:/, "")
    .slice(0, 12)}:`,
  totalBytes: 0,
  completedBytes: 0,
  rate: createTransferRate(),
});
