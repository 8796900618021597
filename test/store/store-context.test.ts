import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/core/log.ts";
import { modelIndex } from "../../src/store/model-index.ts";
import { storeContext } from "../../src/store/store-context.ts";
import { storeLayout } from "../../src/store/store-layout.ts";
import { manualClock } from "../fakes/manual-clock.ts";

test("a disk that is full while a model is published says so, and the store goes on", async () => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-store-"));
  try {
    const layout = storeLayout(dir);
    const clock = manualClock();
    const index = modelIndex(layout, { clock, log: silentLog });
    const context = storeContext({ layout, index, clock, log: silentLog });
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    await expect(context.exclusively(() => Promise.reject(full))).rejects.toMatchObject({
      code: "disk_full",
      message: `no space left in ${join(dir, "blobs")}; free some and try again: nothing was lost`,
    });
    const other = new Error("EIO");
    await expect(context.exclusively(() => Promise.reject(other))).rejects.toBe(other);
    expect(await context.exclusively(() => Promise.resolve("done"))).toBe("done");
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
