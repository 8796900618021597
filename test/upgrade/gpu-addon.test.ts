import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPacksBeside, packName, packVersionFile } from "../../src/native/gpu-packs.ts";
import { chooseBackend, hasAmd } from "../../src/upgrade/find-gpu.ts";
import { installAddon, refuseSources, removeAddons } from "../../src/upgrade/gpu-addon.ts";
import { makeArchive } from "../fakes/release.ts";
import { openUpgradeWorld, type UpgradeWorld } from "../fakes/upgrade-world.ts";

let world: UpgradeWorld;
beforeAll(async () => {
  world = await openUpgradeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.reset();
  world.lay("0.1.0");
  await world.publish({ version: "0.1.0", expiresAt: "2026-01-02" }); // libraries are fetched long after a release
});

const onLinux = test.skipIf(process.platform !== "linux" || process.arch !== "x64");
const beside = () => join(world.dir, "lib/llmlb/0.1.0");
const options = (dir = beside(), version = "0.1.0") => ({
  source: world.source(),
  executable: join(dir, "llmlb"),
  version,
  report: async () => undefined,
});
const native = (dir = beside()) => readdirSync(join(dir, "native")).sort();

onLinux("libraries of this very version are laid beside the executable, once, and taken away again", async () => {
  await world.publish({ version: "0.2.0" });
  expect(await installAddon(options(), "vulkan")).toBe(true);
  expect(native()).toEqual(["linux-x64", "linux-x64-vulkan"]);
  expect(world.read("lib/llmlb/0.1.0/native/linux-x64-vulkan/bridge.node")).toBe("vulkan 0.1.0");
  expect(world.receipt()).toMatchObject({ version: "0.1.0", addons: ["vulkan"] });
  const asked = world.server.requests.length;
  expect(await installAddon(options(), "vulkan")).toBe(false);
  expect(world.server.requests).toHaveLength(asked);
  await installAddon(options(), "cuda");
  expect(await removeAddons(join(beside(), "llmlb"), "vulkan")).toEqual(["vulkan"]);
  expect(await removeAddons(join(beside(), "llmlb"))).toEqual(["cuda"]);
  expect(await removeAddons(join(beside(), "llmlb"))).toEqual([]);
  expect([native(), world.receipt().addons, world.stored()]).toEqual([["linux-x64"], [], ["0.1.0", "install.json"]]);
});

onLinux("beside an executable that came by another way, too; libraries of another version are replaced", async () => {
  const dir = join(world.dir, "somewhere");
  mkdirSync(dir);
  expect(await installAddon(options(dir), "vulkan")).toBe(true);
  expect(findPacksBeside(dir)).toEqual(["vulkan"]);
  await world.publish({ version: "0.2.0" });
  expect(await installAddon(options(dir, "0.2.0"), "vulkan")).toBe(true);
  expect(world.read("somewhere/native/linux-x64-vulkan/bridge.node")).toBe("vulkan 0.2.0");
  expect(world.read(`somewhere/native/linux-x64-vulkan/${packVersionFile}`)).toBe("0.2.0\n");
  expect(native(dir)).toEqual(["linux-x64-vulkan"]);
});

onLinux("what is wrong with them changes nothing", async () => {
  const name = "llmlb-0.1.0-gpu-vulkan-linux-x64";
  const wrong: [Buffer, string][] = [
    [await makeArchive([{ name: `${name}/native/linux-x64-cuda/bridge.node`, content: "x" }]), "are not complete"],
    [await makeArchive([{ name: `${name}/../x`, content: "x" }]), "is not inside of"],
  ];
  for (const [bytes, message] of wrong) {
    await world.publish({ version: "0.1.0", replaced: { [`${name}.tar.gz`]: bytes } });
    expect(installAddon(options(), "vulkan")).rejects.toThrow(message);
    await installAddon(options(), "vulkan").catch(() => undefined);
    expect([native(), world.stored()]).toEqual([["linux-x64"], ["0.1.0", "install.json"]]);
  }
  await world.publish({ version: "0.1.0", addons: [] });
  expect(installAddon(options(), "cuda")).rejects.toThrow("llmlb 0.1.0 has no llmlb-0.1.0-gpu-cuda-linux-x64.tar.gz");
});

test.each([
  [{ nvidia: true, cudaRuntime: true, vulkanLoader: true }, "cuda"],
  [{ nvidia: true, vulkanLoader: true }, "vulkan"],
  [{ amd: true, cudaRuntime: true, vulkanLoader: true }, "vulkan"],
  [
    { nvidia: true },
    "there is a GPU but no Vulkan loader: install it (Debian: apt install libvulkan1), or CUDA 13, and",
  ],
  [
    { amd: true },
    "there is a GPU but no Vulkan loader: install it (Debian: apt install libvulkan1) and run this again",
  ],
  [{ vulkanLoader: true }, "no NVIDIA or AMD GPU was found"],
])("a machine with %p: %s", (found, expected) => {
  const facts = { nvidia: false, amd: false, cudaRuntime: false, vulkanLoader: false, ...found };
  const choose = () => chooseBackend(facts);
  if (expected.includes(" ")) expect(choose).toThrow(expected);
  else expect(choose()).toBe(expected as "cuda");
});

test("AMD's cards are found by their vendor", () => {
  const drm = join(world.dir, "drm");
  for (const [card, vendor] of [
    ["card0", "0x8086"],
    ["card1", "0x1002"],
    ["card1-DP-1", undefined],
  ] as const) {
    mkdirSync(join(drm, card, "device"), { recursive: true });
    if (vendor) writeFileSync(join(drm, card, "device/vendor"), `${vendor}\n`);
  }
  expect([hasAmd(drm), hasAmd(join(drm, "nothing"))]).toEqual([true, false]);
  rmSync(join(drm, "card1"), { recursive: true });
  expect(hasAmd(drm)).toBe(false);
});

test("from its sources llmlb has nothing to add", () => {
  expect(() => refuseSources("https://x/releases", false)).toThrow(
    "this llmlb runs from its sources; get a release: curl -fsSL https://x/releases/latest/download/install.sh | sh",
  );
  expect(existsSync(join(beside(), "native", packName("cuda")))).toBe(false);
});
