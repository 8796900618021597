import type { Finding, FindingLevel } from "../api/doctor.ts";

/** What a check finds; whose it is, `examine` knows. */
export type Found = Omit<Finding, "check">;

const found =
  (level: FindingLevel) =>
  (text: string, advice?: string): Found => ({ level, text, ...(advice === undefined ? {} : { advice }) });

export const ok = found("ok");
export const warning = found("warning");
export const problem = found("problem");
