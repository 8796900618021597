import type { Client } from "../client/client.ts";
import { systemClock } from "../core/clock.ts";
import type { Output } from "./output.ts";
import { createPullView } from "./ui/pull-view.ts";

/** Pulls `model` on the server and shows its progress on `stderr`. Throws what the server says, or `cancelled`. */
export const pullModel = async (client: Client, model: string, stderr: Output, signal: AbortSignal): Promise<void> => {
  const view = createPullView(stderr, systemClock);
  let ok = false;
  try {
    for await (const progress of client.pull(model, signal)) await view.take(progress);
    ok = true;
  } finally {
    await view.end(ok);
  }
};
