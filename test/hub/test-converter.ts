import { join } from "node:path";
import { type Converter, spawnConverter } from "../../src/convert/spawn-converter.ts";
import { silentLog } from "../../src/core/log.ts";
import { platformName } from "../../src/native/native-dir.ts";

/** The real thing, in processes of the sources; the bridge has to be built. */
export const testConverter = (): Converter =>
  spawnConverter({
    command: async () => {
      const root = join(import.meta.dir, "../..");
      return [process.execPath, join(root, "src/main.ts"), "__convert", join(root, "build/native", platformName())];
    },
    env: process.env,
    log: silentLog,
  });
