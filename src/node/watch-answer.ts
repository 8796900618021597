import type { Clock } from "../core/clock.ts";
import { toAppError } from "../core/errors.ts";
import type { GenerationEvent } from "../core/generation.ts";
import type { AnswerRecord } from "./metrics.ts";

/** Passes the events of one answer on, and tells at its end what there was to count. */
export async function* watchAnswer(
  model: string,
  events: AsyncIterable<GenerationEvent>,
  { clock, onEnd }: { clock: Clock; onEnd(answer: AnswerRecord): void },
): AsyncGenerator<GenerationEvent> {
  const beganMs = clock.now();
  const answer: AnswerRecord = { model, outcome: "cancelled" }; // whoever stops to read has gone away
  try {
    for await (const event of events) {
      if (event.type !== "started") answer.firstTokenMs ??= clock.now() - beganMs;
      if (event.type === "done") Object.assign(answer, { outcome: event.reason, counts: event.counts });
      yield event;
    }
  } catch (error) {
    answer.outcome = toAppError(error).code;
    throw error;
  } finally {
    onEnd(answer);
  }
}
