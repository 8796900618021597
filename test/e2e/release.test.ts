import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildExecutable } from "../../build.ts";
import { addTarget, type Release, readEntries } from "../../scripts/release/assemble.ts";
import { createWorld } from "./harness.ts";

/** As a user unpacks it; the executable is this machine's, so that nothing is downloaded. */
test("what an archive holds runs from its folder, and unpacks no libraries", async () => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-archive-"));
  try {
    const built = await buildExecutable({ embed: false, outDir: join(dir, "build"), releaseKeys: "" });
    const release: Release = { version: "1.2.3", time: new Date("2026-11-25"), outDir: join(dir, "out"), files: [] };
    const executable = await Bun.file(built.executable).bytes();
    const native = await readEntries(built.nativeDir, "native/linux-x64");
    await addTarget(release, "linux-x64", { executable, single: new Uint8Array(), native, texts: [] });
    const unpack = Bun.spawn(["tar", "xzf", "llmlb-1.2.3-linux-x64.tar.gz"], { cwd: release.outDir });
    expect(await unpack.exited).toBe(0);
    await using world = await createWorld(join(release.outDir, "llmlb-1.2.3-linux-x64/llmlb"));
    await world.serve();
    const { stdout, exitCode } = await world.llmlb(["node", "run", "llmlb-test/tiny-hello-GGUF", "Who are you?"]);
    expect([exitCode, stdout]).toEqual([0, "Hello! I am a tiny model.\n"]);
    expect(existsSync(join(world.dir, ".cache/llmlb/native"))).toBe(false);
  } finally {
    rmSync(dir, { recursive: true });
  }
}, 120_000);
