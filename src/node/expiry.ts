const yearMs = 365 * 24 * 60 * 60 * 1000;

/** When a model goes, as RFC 3339. JSON knows no infinite date; clients print anything above 20 years as "Forever". */
export const expiryDate = (expiresAtMs: number, nowMs: number): string =>
  new Date(expiresAtMs === Number.POSITIVE_INFINITY ? nowMs + 100 * yearMs : expiresAtMs).toISOString();
