import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createWorld, type NodeProcess, runnersOf, until, type World } from "./harness.ts";

/** The life of a model, as a new user walks through it: each test goes on where the last one ended. */
let world: World;
let node: NodeProcess;
const hello = "llmlb-test/tiny-hello-GGUF";
const answer = "Hello! I am a tiny model.";

beforeAll(async () => {
  world = await createWorld();
  node = await world.serve();
});
afterAll(() => world[Symbol.asyncDispose]());

test("an empty store is an empty table", async () => {
  const { stdout, exitCode } = await world.llmlb(["node", "list"]);
  expect([exitCode, stdout.trim().split(/\s+/)]).toEqual([0, ["NAME", "ID", "SIZE", "MODIFIED"]]);
});

test("pull downloads the default quantization, verifies and publishes it", async () => {
  const { stdout, stderr, exitCode } = await world.llmlb(["node", "pull", hello]);
  expect([exitCode, stdout]).toEqual([0, ""]);
  expect(stderr).toContain("pulling manifest\n");
  expect(stderr).toContain("verifying sha256 digest\n");
  expect(stderr.trim().endsWith("success")).toBe(true);
  expect(stderr).not.toContain("\u001b");
});

test("a second pull downloads nothing", async () => {
  const before = world.hub.requests.length;
  expect((await world.llmlb(["node", "pull", hello])).exitCode).toBe(0);
  expect(world.hub.requests.length - before).toBe(1);
});

test("list and show tell what it is", async () => {
  const list = await world.llmlb(["node", "list"]);
  expect(list.stdout).toContain(hello);
  const listed = JSON.parse((await world.llmlb(["node", "list", "--json"])).stdout);
  expect(JSON.stringify(listed)).toContain(hello);
  const show = await world.llmlb(["node", "show", hello]);
  expect(show.stdout).toContain("llama");
  expect(show.stdout).toContain("Q4_K_M");
  const template = await world.llmlb(["node", "show", hello, "--template"]);
  expect(template.stdout).toContain("<|im_start|>");
});

test("run answers a prompt; nothing but the answer is on stdout", async () => {
  const { stdout, stderr, exitCode } = await world.llmlb(["node", "run", hello, "Who are you?"]);
  expect([exitCode, stdout, stderr]).toEqual([0, `${answer}\n`, ""]);
});

test("run takes its prompt from a pipe, and pulls an absent model first", async () => {
  const think = "llmlb-test/tiny-think-GGUF";
  const { stdout, stderr, exitCode } = await world.llmlb(["node", "run", think, "--hidethinking"], { stdin: "2+2?" });
  expect([exitCode, stdout]).toEqual([0, "Four it is.\n"]);
  expect(stderr).toContain("success");
});

test("a short name, another letter case and :latest mean the same model", async () => {
  for (const name of ["tiny-hello", hello.toUpperCase(), `${hello}:latest`, `hf.co/${hello}`]) {
    expect((await world.llmlb(["node", "run", name, "hi"])).stdout).toBe(`${answer}\n`);
  }
});

test("ps shows what is loaded, stop unloads it and its process ends", async () => {
  const ps = await world.llmlb(["node", "ps"]);
  expect(ps.stdout).toContain(hello);
  expect(ps.stdout).toContain("100% CPU");
  const before = await runnersOf(node.pid);
  expect((await world.llmlb(["node", "stop", hello])).exitCode).toBe(0);
  await until(async () => (await runnersOf(node.pid)).length === before.length - 1, "the runner ends");
  expect((await world.llmlb(["node", "ps"])).stdout).not.toContain(hello);
});

test("rm deletes at once and frees the space", async () => {
  const blobs = join(world.dir, "models/blobs");
  const before = readdirSync(blobs).length;
  expect((await world.llmlb(["node", "rm", hello])).exitCode).toBe(0);
  expect(readdirSync(blobs).length).toBeLessThan(before);
  const again = await world.llmlb(["node", "rm", hello]);
  expect([again.exitCode, again.stderr]).toEqual([1, `Error: model "${hello}" not found\n`]);
});

test("a stored quantization is its own model", async () => {
  expect((await world.llmlb(["node", "pull", `${hello}:q8_0`])).exitCode).toBe(0);
  expect((await world.llmlb(["node", "list"])).stdout).toContain(`${hello}:Q8_0`);
  expect((await world.llmlb(["node", "run", `${hello}:Q8_0`, "hi"])).stdout).toBe(`${answer}\n`);
});

test("what cannot be loaded says why, and the node goes on", async () => {
  const unknown = "llmlb-test/edge-unknown-architecture-GGUF";
  const repository = world.hub.requests && unknown;
  const { stderr, exitCode } = await world.llmlb(["node", "run", repository, "hi"]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/Error: .*architecture/);
  expect((await world.llmlb(["node", "run", `${hello}:Q8_0`, "hi"])).exitCode).toBe(0);
});

test("a damaged file is refused at pull and leaves nothing behind", async () => {
  for (const name of ["edge-truncated", "edge-beyond-end", "edge-bad-magic"]) {
    const { stderr, exitCode } = await world.llmlb(["node", "pull", `llmlb-test/${name}-GGUF`]);
    expect(exitCode).toBe(1);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/^Error: /);
    expect((await world.llmlb(["node", "list"])).stdout).not.toContain(name);
  }
});

test("edge cases end with their one line and exit code", async () => {
  const cases: [string[], number, RegExp][] = [
    [["node", "show", "no/such"], 1, /^Error: model "no\/such" not found\n$/],
    [["node", "stop", "no/such"], 1, /^Error: model "no\/such" not found\n$/],
    [["node", "run", "no-such-alias", "hi"], 1, /^Error: model "no-such-alias" not found\n$/],
    [["node", "pull", "a/b/c"], 1, /^Error: invalid model name "a\/b\/c": expected org\/name\n$/],
    [["node", "pull", " a/b"], 1, /^Error: invalid model name " a\/b": .*white space/],
    [["node", "lsit"], 1, /^Error: unknown command "lsit".*"list"/],
    [["node", "list", "--jsn"], 1, /^Error: unknown flag "--jsn".*"--json"/],
  ];
  for (const [args, exitCode, message] of cases) {
    const result = await world.llmlb(args);
    expect(result.stderr).toMatch(message);
    expect([result.exitCode, result.stdout]).toEqual([exitCode, ""]);
  }
});

test("without a server every client command says so with exit code 2", async () => {
  for (const args of [
    ["list"],
    ["ps"],
    ["show", hello],
    ["run", hello, "hi"],
    ["rm", hello],
    ["stop", hello],
    ["cp", hello, "other"],
  ]) {
    const result = await world.llmlb(["node", ...args], { env: { LLMLB_HOST: "127.0.0.1:9" } });
    expect([result.exitCode, result.stderr]).toEqual([
      2,
      'Error: cannot connect to the llmlb node at 127.0.0.1:9; start it with "llmlb node serve"\n',
    ]);
  }
});

test("the libraries are unpacked once, into a private folder", () => {
  const cache = join(world.dir, ".cache/llmlb/native");
  expect(readdirSync(cache)).toHaveLength(1);
  expect(existsSync(join(cache, readdirSync(cache)[0] ?? "", "linux-x64/bridge.node"))).toBe(true);
});

test("native/ beside the executable wins over the embedded libraries", async () => {
  const cache = join(world.dir, ".cache");
  rmSync(cache, { recursive: true });
  const native = join(world.dir, "bin/native/linux-x64");
  await Bun.$`mkdir -p ${native} && cp -r ${join(import.meta.dir, "../../build/native/linux-x64")}/. ${native}`.quiet();
  await world.llmlb(["node", "stop", `${hello}:Q8_0`]);
  expect((await world.llmlb(["node", "run", `${hello}:Q8_0`, "hi"])).stdout).toBe(`${answer}\n`);
  expect(existsSync(join(cache, "llmlb"))).toBe(false);
});
