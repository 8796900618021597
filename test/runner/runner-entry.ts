import { join } from "node:path";
import { platformName } from "../../src/native/native-dir.ts";
import { runRunner } from "../../src/runner/main.ts";

/** What `llmlb __runner` does, without the rest of llmlb around it. */
await runRunner({ nativeDir: join(import.meta.dir, "../../build/native", platformName()) });
