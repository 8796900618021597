import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { idleOf } from "../../src/runner/machine-idle.ts";
import { usableCores } from "../../src/runner/usable-cores.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-cores-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** A root folder with these files below /sys/fs/cgroup. */
const rootWith = (name: string, files: Record<string, string>): string => {
  for (const [file, text] of Object.entries(files)) {
    const path = join(dir, name, "sys/fs/cgroup", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return `${join(dir, name)}/`;
};

test("without a container the physical cores count, or the affinity mask when that is smaller", () => {
  const root = rootWith("none", {});
  expect(usableCores(8, root, 16)).toBe(8);
  expect(usableCores(8, root, 2)).toBe(2);
  expect(usableCores(0, root, 4)).toBe(1);
});

test("a container's quota counts, in both versions of cgroups", () => {
  expect(usableCores(64, rootWith("v2", { "cpu.max": "350000 100000\n" }), 64)).toBe(3);
  expect(usableCores(64, rootWith("v2-less", { "cpu.max": "50000 100000\n" }), 64)).toBe(1);
  expect(usableCores(64, rootWith("v2-max", { "cpu.max": "max 100000\n" }), 64)).toBe(64);
  const v1 = (quota: string) => ({ "cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": "100000\n" });
  expect(usableCores(64, rootWith("v1", v1("200000\n")), 64)).toBe(2);
  expect(usableCores(64, rootWith("v1-none", v1("-1\n")), 64)).toBe(64);
});

test("idle time is read from the first line of /proc/stat", () => {
  expect(idleOf("cpu  10 0 20 3000 50 0 1 0 0 0\ncpu0 1 2 3 4 5\n")).toBe(30_500);
  expect(idleOf("")).toBeUndefined();
  expect(idleOf("intr 1 2 3 4 5\n")).toBeUndefined();
});
