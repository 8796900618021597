/** What each error code means to an HTTP client and to a shell. Exit 2 is a connection error, 1 everything else (FR-020). */
const errorTable = {
  invalid_argument: { status: 400, exitCode: 1 },
  invalid_model_name: { status: 400, exitCode: 1 },
  context_overflow: { status: 400, exitCode: 1 },
  unauthorized: { status: 401, exitCode: 1 },
  forbidden: { status: 403, exitCode: 1 },
  gated: { status: 403, exitCode: 1 },
  read_only: { status: 403, exitCode: 1 },
  model_not_found: { status: 404, exitCode: 1 },
  not_found: { status: 404, exitCode: 1 },
  method_not_allowed: { status: 405, exitCode: 1 },
  request_timeout: { status: 408, exitCode: 1 },
  conflict: { status: 409, exitCode: 1 },
  payload_too_large: { status: 413, exitCode: 1 },
  rate_limited: { status: 429, exitCode: 1 },
  cancelled: { status: 499, exitCode: 1 },
  internal: { status: 500, exitCode: 1 },
  corrupt: { status: 500, exitCode: 1 },
  load_failed: { status: 500, exitCode: 1 },
  runner_crashed: { status: 500, exitCode: 1 },
  unsupported: { status: 501, exitCode: 1 },
  hub_unavailable: { status: 502, exitCode: 1 },
  connection: { status: 502, exitCode: 2 },
  busy: { status: 503, exitCode: 1 },
  disk_full: { status: 507, exitCode: 1 },
} as const satisfies Record<string, { status: number; exitCode: 0 | 1 | 2 }>;

export type ErrorCode = keyof typeof errorTable;

export interface AppErrorOptions extends ErrorOptions {
  /** When it is worth another try, where that is known; of what is `busy` or `rate_limited`. */
  retryAfterSeconds?: number;
}

/** The one error class: a closed code and a message that a user can act on, in one line. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options?: AppErrorOptions) {
    super(message, options);
    this.name = "AppError";
    this.code = code;
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get exitCode(): 0 | 1 | 2 {
    return errorTable[this.code].exitCode;
  }
}

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === "string" && Object.hasOwn(errorTable, code);

/** Any thrown value as an AppError; what was not foreseen becomes `internal` and keeps its cause. */
export const toAppError = (thrown: unknown): AppError => {
  if (thrown instanceof AppError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError")
    return new AppError("cancelled", "cancelled", { cause: thrown });
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new AppError("internal", message || "unknown error", { cause: thrown });
};
