import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskSpace } from "../../src/store/disk-space.ts";

test("the disk of a folder that is not there yet is that of the nearest one above it", () => {
  const here = diskSpace(tmpdir());
  expect(here?.totalBytes).toBeGreaterThan(0);
  expect(here?.freeBytes).toBeWithin(0, (here?.totalBytes ?? 0) + 1);
  expect(diskSpace(join(tmpdir(), "not", "there", "yet"))?.totalBytes).toBe(here?.totalBytes as number);
});
