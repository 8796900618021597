import type { OllamaPullProgress } from "../api/ollama.ts";
import { systemClock } from "../core/clock.ts";
import type { Output } from "./output.ts";
import { createPullView } from "./ui/pull-view.ts";

/** Shows a pull's progress on `stderr` until it ends. Throws what ended it early. */
export const showPull = async (events: AsyncIterable<OllamaPullProgress>, stderr: Output): Promise<void> => {
  const view = createPullView(stderr, systemClock);
  let ok = false;
  try {
    for await (const progress of events) await view.take(progress);
    ok = true;
  } finally {
    await view.end(ok);
  }
};
