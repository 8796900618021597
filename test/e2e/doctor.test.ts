import { afterAll, beforeAll, expect, test } from "bun:test";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DoctorReport } from "../../src/api/doctor.ts";
import { version } from "../../src/core/version.ts";
import { createWorld, type World } from "./harness.ts";

const hello = "llmlb-test/tiny-hello-GGUF";
const freePorts = { LLMLB_HOST: "127.0.0.1:0", LLMLB_ROUTER_HOST: "127.0.0.1:0" };

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const examine = async (args: string[], env: Record<string, string> = {}) => {
  const { stdout, stderr, exitCode } = await world.llmlb(["doctor", "--json", ...args], { env });
  const report = JSON.parse(stdout) as DoctorReport;
  const of = (check: string) => report.findings.filter((finding) => finding.check === check);
  return { report, of, stdout, stderr, exitCode };
};

test("a machine on which nothing is installed has no problem", async () => {
  const { report, of, exitCode } = await examine([], freePorts);
  expect(report.findings.filter(({ level }) => level === "problem")).toEqual([]);
  expect(exitCode).toBe(0);
  expect(of("store")).toEqual([{ check: "store", level: "ok", text: "0 models, 0 B" }]);
  expect(of("machine").some(({ text }) => text.startsWith("computing on "))).toBe(true);
  expect(of("hub")[0]?.text).toContain("answers; no token");
});

test("a running node is found, with its version, and a file that was cut is a problem of the store", async () => {
  const node = await world.serve();
  await world.llmlb(["node", "pull", hello]);
  const before = await examine([], { LLMLB_ROUTER_HOST: "127.0.0.1:0" });
  expect(before.of("servers")[0]?.text).toContain(`a node of llmlb ${version}, 0 loaded models`);
  expect([before.exitCode, before.of("store")[0]?.text.startsWith("1 model")]).toEqual([0, true]);

  const { models } = JSON.parse((await world.llmlb(["node", "list", "--json"])).stdout);
  const manifest = await Bun.file(join(world.dir, "models/manifests/huggingface.co", hello, "Q4_K_M.json")).json();
  expect(models).toHaveLength(1);
  const file = manifest.files.find(({ role }: { role: string }) => role === "model");
  const blob = join(world.dir, "models/blobs", file.digest.replace(":", "-"));
  const bytes = await Bun.file(blob).bytes();
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(blob, bytes);
  expect((await examine(["--offline"])).of("store")).toHaveLength(1);
  const verified = await examine(["--verify", "--offline"]);
  expect(verified.exitCode).toBe(1);
  expect(verified.of("store")[1]?.text).toContain("has changed since it was verified");
  truncateSync(blob, 9);
  const cut = await world.llmlb(["doctor", "--offline"]);
  expect(cut.exitCode).toBe(1);
  expect(cut.stdout).toMatch(/^problem {2}store {7}\S+ of \S+ has 9 of \d+ bytes; delete \S+, then pull it again$/m);
  expect(cut.stdout).toMatch(/\n1 problem, \w+ warnings?\n$/);
  node.signal("SIGKILL");
});

test("secrets never come out, and settings that cannot be understood stop nothing", async () => {
  const env = { HF_TOKEN: "hf_very_secret", LLMLB_API_KEY: "also_secret", LLMLB_GPU: "amd", HOME: "/dev/null" };
  const { of, stdout, stderr, exitCode } = await examine(["--offline"], env);
  expect(exitCode).toBe(1);
  expect(stdout + stderr).not.toMatch(/hf_very_secret|also_secret/);
  expect(of("settings")[0]?.text).toContain("LLMLB_API_KEY is set");
  expect(of("settings")[1]?.text).toContain('invalid LLMLB_GPU "amd"');
  expect(of("folders").some(({ text }) => text === "home: /dev/null/.llmlb is below a file")).toBe(true);
  expect(stderr).toBe("");
});
