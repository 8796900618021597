import { join } from "node:path";
import type { PullProgress } from "../../src/hub/pull-progress.ts";
import type { HubHarness } from "./harness.ts";

/** A pull in a process of its own, to be killed. */
export const pullInChild = (hub: HubHarness, name: string) => {
  const script = join(import.meta.dir, "pull-child.ts");
  const process_ = Bun.spawn([process.execPath, script, hub.fixture.endpoint, hub.dir, name], {
    stdout: "pipe",
  });
  const reader = process_.stdout.getReader();
  const decoder = new TextDecoder();
  let text = "";
  /** Resolves once the pull has shown a progress event that is `wanted`. */
  const saw = async (wanted: (progress: PullProgress) => boolean): Promise<void> => {
    for (;;) {
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      if (lines.some((line) => line !== "" && wanted(JSON.parse(line)))) return;
      const { done, value } = await reader.read();
      if (done) throw new Error("the child ended before that");
      text += decoder.decode(value, { stream: true });
    }
  };
  return {
    process: process_,
    saw,
    async [Symbol.asyncDispose]() {
      process_.kill("SIGKILL");
      await process_.exited;
    },
  };
};
