/** What `llmlb doctor --json` prints. */

/** `problem`: something does not work, or will not; `warning`: it may not be what its owner wants. */
export type FindingLevel = "ok" | "warning" | "problem";

export interface Finding {
  /** Which check found it: `store`. */
  check: string;
  level: FindingLevel;
  text: string;
  /** What to do. */
  advice?: string;
}

export interface DoctorReport {
  problems: number;
  warnings: number;
  findings: Finding[];
}
