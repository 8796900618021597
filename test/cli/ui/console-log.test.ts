import { expect, test } from "bun:test";
import { createConsoleLog } from "../../../src/cli/ui/console-log.ts";
import { memoryOutput } from "../../fakes/memory-output.ts";

const lines = async (debugLevel: 0 | 1 | 2): Promise<string[]> => {
  const output = memoryOutput();
  const log = createConsoleLog(output, debugLevel);
  log.error("broken\nbadly");
  log.warn("careful");
  for (let times = 0; times < 20; times++) log.info("same");
  log.debug("details");
  log.trace("everything");
  await output.drain();
  return output.text.trimEnd().split("\n");
};

test("one plain line an event: time, level, message; repeated ones are all kept", async () => {
  const [error, more, warning, ...rest] = await lines(0);
  expect(error).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR broken$/);
  expect(more).toBe("  badly");
  expect(warning).toMatch(/Z WARN {2}careful$/);
  expect(rest).toHaveLength(20);
  for (const line of rest) expect(line).toMatch(/Z INFO {2}same$/);
});

test("LLMLB_DEBUG's levels add debug, then trace", async () => {
  const last = async (level: 1 | 2) => (await lines(level)).slice(23).map((line) => line.slice(25));
  expect(await last(1)).toEqual(["DEBUG details"]);
  expect(await last(2)).toEqual(["DEBUG details", "TRACE everything"]);
});

test("a log whose reader is gone does not throw", async () => {
  const output = memoryOutput();
  output.write = () => Promise.reject(new Error("EPIPE"));
  createConsoleLog(output, 0).info("nobody hears this");
  await output.drain();
});
