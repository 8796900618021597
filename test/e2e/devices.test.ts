import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeReport } from "../../src/api/node.ts";
import { platformName } from "../../src/native/native-dir.ts";
import { buildNvmlStub } from "../engine/devices/nvml-stub.ts";
import { createWorld, type NodeProcess, until, type World } from "./harness.ts";

let world: World;
let stub: string;
const hello = "llmlb-test/tiny-hello-GGUF";
const base = join(import.meta.dir, "../../build/native", platformName());

beforeAll(async () => {
  world = await createWorld();
  stub = buildNvmlStub();
});
afterAll(async () => {
  rmSync(stub, { recursive: true, force: true });
  await world[Symbol.asyncDispose]();
});

const pack = (cache: string, backend: string) => join(world.dir, cache, "gpu", `${platformName()}-${backend}`);

const serveWith = (cache: string, more: Record<string, string> = {}) =>
  world.serve({ LLMLB_CACHE: join(world.dir, cache), ...more });

const reportOf = async (node: NodeProcess): Promise<NodeReport> => {
  const ask = async () => (await (await fetch(`${node.address}/api/node`)).json()) as NodeReport;
  await until(async () => (await ask()).backend !== undefined, "the backend is known");
  return ask();
};

test("a pack that does not load is refused with its reason, and the next backend computes", async () => {
  const broken = pack("broken", "cuda");
  mkdirSync(broken, { recursive: true });
  writeFileSync(join(broken, "bridge.node"), "not a library");
  // Loads, but has no Vulkan in it: what a machine without a Vulkan driver looks like.
  cpSync(base, pack("broken", "vulkan"), { recursive: true });
  const node = await serveWith("broken");
  const report = await reportOf(node);
  expect(report).toMatchObject({
    backend: "cpu",
    refused_backends: [
      { backend: "cuda", reason: expect.stringMatching(/^llama\.cpp cannot start with cuda: .*bridge\.node/) },
      { backend: "vulkan", reason: "llama.cpp cannot start with vulkan: its library is not installed" },
    ],
    devices: [{ name: "CPU", kind: "cpu", used: true }],
  });
  await until(() => node.log().includes("computing on cpu"), "the banner");
  expect(node.log()).toMatch(/computing on cpu \(.+\); cuda: llama\.cpp cannot start with cuda.*; vulkan: llama/);
});

test("LLMLB_GPU forces a backend: where it does not work, the banner and every load say why", async () => {
  const node = await serveWith("none", { LLMLB_GPU: "cuda" });
  const LLMLB_HOST = node.address;
  await world.llmlb(["node", "pull", hello], { env: { LLMLB_HOST } });
  const { stderr, exitCode } = await world.llmlb(["node", "run", hello, "hi"], { env: { LLMLB_HOST } });
  expect(stderr).toContain("cannot use cuda: its libraries are not installed");
  expect(exitCode).not.toBe(0);
  expect(node.log()).toContain("no model can be loaded: cannot use cuda: its libraries are not installed");
});

test("NVIDIA's library is asked in the executable: a GPU that is not computed on is shown, not used", async () => {
  const node = await serveWith("nvml", { LD_LIBRARY_PATH: stub });
  const { devices } = await reportOf(node);
  expect(devices).toMatchObject([
    { name: "CPU", used: true },
    {
      ...{ name: "GPU0", description: "NVIDIA Stub 9000", kind: "gpu", pci_bus_id: "0000:65:00.0", used: false },
      ...{ total_bytes: 24 * 2 ** 30, free_bytes: 6 * 2 ** 30, utilization: 0.42, temperature_celsius: 61 },
    },
    { name: "GPU1", description: "NVIDIA Stub slice", used: false },
  ]);
});
