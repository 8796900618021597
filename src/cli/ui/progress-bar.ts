import { formatBytes } from "../../core/format.ts";

export interface Transfer {
  /** `pulling 0d886197aad6:` */
  label: string;
  totalBytes: number;
  completedBytes: number;
  /** 0 = not known. */
  bytesPerSecond: number;
}

const sizeWidth = 6; // "999 MB"

/**
 * One line in Ollama's look, never wider than `columns`:
 * `pulling 0d886197aad6:  46% ▕████    ▏ 139 MB/300 MB   28 MB/s      5s`. A finished one shows its size alone.
 */
export const renderTransfer = (transfer: Transfer, columns: number): string => {
  const { label, totalBytes, completedBytes, bytesPerSecond } = transfer;
  const share = totalBytes > 0 ? Math.min(1, completedBytes / totalBytes) : 0;
  const isDone = totalBytes > 0 && completedBytes >= totalBytes;
  const before = `${label} ${String(Math.floor(share * 100)).padStart(3)}%`;
  const after = isDone ? doneText(totalBytes) : runningText(totalBytes, completedBytes, bytesPerSecond);
  const barColumns = columns - before.length - after.length - 5; // two edges and three spaces
  if (barColumns < 1) return `${before} ${after.trim()}`.slice(0, columns);
  const filled = Math.floor(barColumns * share);
  return `${before} ▕${"█".repeat(filled)}${" ".repeat(barColumns - filled)}▏ ${after}`;
};

const padSize = (bytes: number): string => formatBytes(Math.floor(bytes)).padStart(sizeWidth);

const doneText = (totalBytes: number): string => padSize(totalBytes) + " ".repeat(25); // as wide as the running text

const runningText = (totalBytes: number, completedBytes: number, bytesPerSecond: number): string => {
  const amount = `${padSize(completedBytes)}/${padSize(totalBytes)}`;
  if (bytesPerSecond <= 0) return amount + " ".repeat(18);
  const leftSeconds = Math.floor((totalBytes - completedBytes) / bytesPerSecond);
  return `${amount}  ${padSize(bytesPerSecond)}/s  ${formatLeft(leftSeconds).padStart(sizeWidth)}`;
};

/** At most two units: `5s`, `1m5s`, `2h3m`, `99h+`. */
const formatLeft = (seconds: number): string => {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 100) return "99h+";
  if (hours > 0) return `${hours}h${minutes % 60}m`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
};
