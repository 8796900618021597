import { readFileSync } from "node:fs";
import { uptime } from "node:os";

/**
 * Tells this boot of the machine from all others: bytes written in the same boot are still in the page cache, bytes
 * written before a power cut may be gone. Where the system names none, the minute it booted in stands for it.
 */
export const bootId = (): string => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `booted-${Math.round((Date.now() - uptime() * 1000) / 60_000)}`;
  }
};
