import { expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builderOf, platformOf } from "../../scripts/native/platforms.ts";
import { requireTools } from "../../scripts/native/run-tool.ts";
import { buildNative, parsePack } from "../../scripts/native.ts";

const output = async (...command: string[]): Promise<string> => {
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text;
};

test("the bridge names only libraries whose names no GPU pack changes", async () => {
  const dynamic = await output("readelf", "-d", join(await buildNative(), "bridge.node"));
  const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name = ""]) => name);
  const system = ["libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"];
  expect(needed.filter((name) => !system.includes(name))).toEqual(["libllama-common.so", "libggml-base.so"]);
  expect(/\((?:RUNPATH|RPATH)\).*\[(.+)\]/.exec(dynamic)?.[1]).toBe("$ORIGIN");
}, 600_000);

test("the bridge runs wherever the shipped libraries run", async () => {
  const symbols = await output("objdump", "-T", join(await buildNative(), "bridge.node"));
  const newest = (family: string) =>
    [...symbols.matchAll(new RegExp(`\\b${family}_([\\d.]+)`, "g"))]
      .map(([, version = ""]) => version)
      .sort(Bun.semver.order)
      .at(-1);
  const isAtMost = (version: string | undefined, limit: string) =>
    version !== undefined && version.localeCompare(limit, "en", { numeric: true }) <= 0;
  expect(isAtMost(newest("GLIBC"), "2.34")).toBe(true);
  expect(isAtMost(newest("GLIBCXX"), "3.4.30")).toBe(true);
  expect(isAtMost("2.35", "2.34")).toBe(false);
}, 600_000);

test("a second build changes nothing and takes well under a second", async () => {
  const bridge = join(await buildNative(), "bridge.node");
  const before = await stat(bridge);
  const startMs = performance.now();
  await buildNative();
  expect(performance.now() - startMs).toBeLessThan(1000);
  expect((await stat(bridge)).mtimeMs).toBe(before.mtimeMs);
}, 600_000);

test("where nothing builds a bridge, one line says which machine does", () => {
  expect(platformOf("linux", "x64")).toBe("linux-x64");
  expect(platformOf("darwin", "arm64")).toBe("mac-arm64-metal");
  expect(() => platformOf("sunos", "sparc")).toThrow(
    "there are no native libraries for sunos-sparc, only for linux-x64,",
  );
  expect(builderOf("linux-x64", "linux", "x64").tools).toEqual(["cmake", "c++"]);
  expect(builderOf("linux-arm64", "linux", "x64").definitions?.CMAKE_SYSTEM_PROCESSOR).toBe("aarch64");
  expect(builderOf("mac-x64", "darwin", "arm64").definitions?.CMAKE_OSX_ARCHITECTURES).toBe("x86_64");
  for (const [platform, machines] of [
    ["mac-arm64-metal", "darwin"],
    ["win-x64", "win32-x64"],
  ] as const)
    expect(() => builderOf(platform, "linux", "x64")).toThrow(
      `the native bridge for ${platform} is built on ${machines}: run "npm run native ${platform}" there`,
    );
});

test("a pack is named by platform and backend, or by the backend alone", () => {
  expect(parsePack("linux-arm64")).toEqual({ platform: "linux-arm64" });
  expect(parsePack("win-x64-vulkan")).toEqual({ platform: "win-x64", backend: "vulkan" });
  expect(parsePack("cuda")).toEqual({ platform: platformOf(), backend: "cuda" });
  for (const name of ["linux", "linux-x64-metal", "linux-x64-"])
    expect(() => parsePack(name)).toThrow(`unknown pack "${name}"`);
});

test("a tool that is missing is a one-line error", async () => {
  const empty = await mkdtemp(join(tmpdir(), "llmlb-tools-"));
  for (const tool of ["git", "cmake", "c++"] as const)
    expect(() => requireTools([tool], empty)).toThrow(`the build needs ${tool}, which is not on PATH: install`);
  expect(() => requireTools(["git", "cmake", "c++"])).not.toThrow();
  await rm(empty, { recursive: true });
});
