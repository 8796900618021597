import { sleep } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { backoffMs, serverWaitMs } from "./backoff.ts";
import type { HubContext } from "./hub-context.ts";
import { type HubSubject, hubError, isLasting, networkReason, unreachable } from "./hub-error.ts";
import { type HubAnswer, hubFetch } from "./hub-fetch.ts";

const attemptsMax = 4;

/**
 * `hubFetch` that tries again after network errors, 5xx and 429 (waiting as long as the server asks),
 * and turns what remains into an AppError about `subject`.
 */
export const hubRequest = async (
  context: HubContext,
  url: string,
  subject: HubSubject,
  headers: Record<string, string> = {},
): Promise<HubAnswer> => {
  for (let attempt = 1; ; attempt++) {
    const result = await tryRequest(context, url, headers);
    const answer = "error" in result ? undefined : result;
    const transient =
      "error" in result ? !isLasting(result.error) : result.response.status === 429 || result.response.status >= 500;
    if (answer && !transient && answer.response.status < 400) return answer;
    await answer?.response.body?.cancel();
    if (transient && attempt < attemptsMax) {
      await waitForRetry(context, url, attempt, answer?.response, "error" in result ? result.error : undefined);
      continue;
    }
    throw answer
      ? hubError(answer.response, subject, context.settings)
      : unreachable(context.settings, "error" in result ? result.error : undefined);
  }
};

const tryRequest = async (
  context: HubContext,
  url: string,
  headers: Record<string, string>,
): Promise<HubAnswer | { error: unknown }> => {
  try {
    return await hubFetch(context, url, headers);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    return { error };
  }
};

const waitForRetry = async (
  { clock, log, signal }: HubContext,
  url: string,
  attempt: number,
  response: Response | undefined,
  error: unknown,
): Promise<void> => {
  const waitMs = (response && serverWaitMs(response.headers, clock.now())) ?? backoffMs(attempt);
  const why = response ? `status ${response.status}` : networkReason(error);
  log.debug(`${new URL(url).pathname}: ${why}; trying again in ${waitMs} ms`);
  await sleep(clock, waitMs, signal);
};
