/** Upgrades in a process of its own, which kills itself at a step. Arguments: URL, KEY, EXECUTABLE, STEP. */
import { systemClock } from "../../src/core/clock.ts";
import { upgrade } from "../../src/upgrade/upgrade.ts";

const [baseUrl = "", key = "", executable = "", step = ""] = process.argv.slice(2);
const source = { baseUrl, keys: [key], clock: systemClock, signal: new AbortController().signal };
const part = (total: number, completed: number) => (completed === 0 ? "none" : completed < total ? "a part" : "all");
await upgrade({
  source,
  executable,
  env: process.env,
  report: async ({ status, total = 0, completed }) => {
    const text = completed === undefined ? status : `${status}: ${part(total, completed)}`;
    if (text === step) process.kill(process.pid, "SIGKILL");
  },
});
