/** Pulls in a process of its own: `bun pull-child.ts ENDPOINT DIR NAME`; prints one JSON event a line. */
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { createPuller } from "../../src/hub/puller.ts";
import { openStore } from "../../src/store/open-store.ts";
import { hubRef } from "./harness.ts";
import { testConverter } from "./test-converter.ts";

const [endpoint = "", dir = "", name = ""] = process.argv.slice(2);
const puller = createPuller({
  store: openStore(dir),
  settings: { endpoint, offline: false },
  converter: testConverter(),
  clock: systemClock,
  log: silentLog,
});
await puller.pull(hubRef(name), { onProgress: (progress) => console.log(JSON.stringify(progress)) });
