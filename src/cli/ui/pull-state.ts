import type { OllamaPullProgress } from "../../api/ollama.ts";
import { printable } from "./printable.ts";
import { createTransferRate, type TransferRate } from "./transfer-rate.ts";

/** A line of a pull's display, in the order of its first appearance. */
export type PullLine =
  | { kind: "status"; text: string }
  | { kind: "bar"; key: string; label: string; totalBytes: number; completedBytes: number; rate: TransferRate };

export interface PullState {
  lines: PullLine[];
  /** Takes one progress record in; returns the line that it changed and whether the line is new. */
  take(progress: OllamaPullProgress, nowMs: number): { line: PullLine; isNew: boolean };
}

/**
 * Gathers the records of a pull into lines: one for each status, one with a bar for each blob and each step that counts, such as a conversion.
 * A count never goes back.
 */
export const createPullState = (): PullState => {
  const lines: PullLine[] = [];
  const takeStatus = (text: string) => {
    const last = lines.findLast((line) => line.kind === "status");
    if (last?.text === text) return { line: last, isNew: false };
    const line = { kind: "status", text } as const;
    lines.push(line);
    return { line, isNew: true };
  };
  /** A step that began to count has no line without a count any more. */
  const addBar = (line: PullLine, status: string) => {
    const last = lines.at(-1);
    if (last?.kind === "status" && last.text === printable(status)) lines.pop();
    lines.push(line);
  };
  return {
    lines,
    take(progress, nowMs) {
      const { digest, status, total = 0, completed = 0 } = progress;
      if (!digest && total === 0) return takeStatus(printable(status));
      const key = digest ?? status;
      const known = lines.find((line) => line.kind === "bar" && line.key === key);
      const line = known?.kind === "bar" ? known : newBar(key, digest ? blobLabel(digest) : `${printable(status)}:`);
      if (!known) addBar(line, status);
      line.totalBytes = Math.max(line.totalBytes, total);
      line.completedBytes = Math.min(Math.max(line.completedBytes, completed), line.totalBytes);
      line.rate.note(line.completedBytes, nowMs);
      return { line, isNew: !known };
    },
  };
};

const newBar = (key: string, label: string): PullLine & { kind: "bar" } => ({
  kind: "bar",
  key,
  label,
  totalBytes: 0,
  completedBytes: 0,
  rate: createTransferRate(),
});

const blobLabel = (digest: string): string =>
  `pulling ${printable(digest)
    .replace(/^sha256:/, "")
    .slice(0, 12)}:`;
