import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../scripts/free-port.ts";
import { version } from "../../src/core/version.ts";
import { createWorld, type World } from "../e2e/harness.ts";

/** The shell parts of action.yml, run as a runner runs them, against the test Hub. */
const root = join(import.meta.dir, "../..");
const hello = "llmlb-test/tiny-hello-GGUF";
const rank = "llmlb-test/tiny-rank-GGUF";

interface Action {
  inputs: Record<string, { default: string; description: string }>;
  outputs: Record<string, { value: string }>;
  runs: {
    steps: { id?: string; name: string; run?: string; uses?: string; env?: Record<string, string>; if?: string }[];
  };
}

const action = Bun.YAML.parse(readFileSync(join(root, "action.yml"), "utf8")) as Action;

let world: World;
let path: string;

beforeAll(async () => {
  world = await createWorld();
  path = mkdtempSync(join(world.dir, "action-"));
  cpSync(join(root, "scripts/action"), join(path, "scripts/action"), { recursive: true });
  // Stands in for the real one, which has tests of its own; it reads the same variables.
  const standIn = `set -eu\n[ "$LLMLB_NO_MODIFY_PATH" = 1 ]\nmkdir -p "$LLMLB_INSTALL_DIR/bin"\ncp ${world.executable} "$LLMLB_INSTALL_DIR/bin/llmlb"\n`;
  writeFileSync(join(path, "install.sh"), standIn);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Runs one script with files in the place of the runner's; returns what it wrote into them. */
const runStep = async (script: string, env: Record<string, string> = {}) => {
  const dir = mkdtempSync(join(world.dir, "step-"));
  const names = ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"] as const;
  const files = Object.fromEntries(names.map((name) => [name, join(dir, name)])) as Record<
    (typeof names)[number],
    string
  >;
  for (const file of Object.values(files)) writeFileSync(file, "");
  const child = Bun.spawn([join(path, "scripts/action", script)], {
    cwd: dir,
    env: { ...world.env, ...files, GITHUB_ACTION_PATH: path, RUNNER_OS: "Linux", RUNNER_TEMP: dir, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  const read = (name: (typeof names)[number]) => readFileSync(files[name], "utf8");
  return {
    stdout,
    stderr,
    exitCode,
    dir,
    output: read("GITHUB_OUTPUT"),
    env: read("GITHUB_ENV"),
    path: read("GITHUB_PATH"),
  };
};

const onPath = (dir: string) => ({ PATH: `${dir}:${process.env.PATH}` });

test("every input, output and script that is named is there", () => {
  const text = readFileSync(join(root, "action.yml"), "utf8");
  const named = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name = ""]) => name))];
  expect(named(/inputs\.([a-z-]+)/g).sort()).toEqual(Object.keys(action.inputs).sort());
  const ids = action.runs.steps.map(({ id }) => id);
  for (const id of named(/steps\.([a-z]+)\./g)) expect(ids).toContain(id);
  const scripts = named(/scripts\/action\/([a-z-]+\.sh)/g);
  expect(scripts).toHaveLength(4);
  for (const script of scripts) expect(existsSync(join(root, "scripts/action", script))).toBe(true);
  expect(Object.keys(action.outputs)).toEqual(["host", "version", "cache-hit"]);
});

test("what a workflow gives is never a part of a script", () => {
  for (const { run = "" } of action.runs.steps) expect(run).not.toContain("${{");
});

test("install: the version, and the folder for the steps that follow", async () => {
  const { output, path: added, exitCode, dir, stderr } = await runStep("install.sh", { LLMLB_INSTALL_DIR: "here" });
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(output).toBe(`version=${version}\n`);
  expect(added).toBe(`${join(dir, "here/bin")}\n`);
  expect((await runStep("install.sh", { LLMLB_INSTALL_DIR: "" })).path).toBe(`${world.dir}/.local/bin\n`);
  expect(await runStep("install.sh", { RUNNER_OS: "Windows" })).toMatchObject({ exitCode: 1, output: "" });
});

test("cache-key: the models in any order, then the version", async () => {
  const keyOf = async (MODELS: string, VERSION = "1.0.0") =>
    (await runStep("cache-key.sh", { MODELS, VERSION })).output;
  const key = await keyOf(`${hello} ${rank}`);
  expect(key).toMatch(
    /^path=\S+\/models\nkey=llmlb-models-Linux-[0-9a-f]{16}-1\.0\.0\nrestore-key=llmlb-models-Linux-[0-9a-f]{16}-\n$/,
  );
  expect(await keyOf(`\n  ${rank}\n${hello}\n`)).toBe(key);
  expect(await keyOf(hello)).not.toBe(key);
  expect(await keyOf(`${hello} ${rank}`, "2.0.0")).toBe(key.replace("-1.0.0", "-2.0.0"));
});

test("pull, then a node that answers with the model", async () => {
  const bin = join(world.dir, "bin");
  const pulled = await runStep("pull.sh", { MODELS: `${hello}\n${rank}\n`, LLMLB_HOST: "127.0.0.1:1", ...onPath(bin) });
  expect(pulled.exitCode).toBe(0);
  expect(pulled.stdout).toContain(`::group::llmlb node pull ${rank}`);
  const host = `127.0.0.1:${await freePort()}`;
  const started = await runStep("start-node.sh", { LLMLB_HOST: host, ...onPath(bin) });
  try {
    expect([started.exitCode, started.output, started.env]).toEqual([0, `host=${host}\n`, `LLMLB_HOST=${host}\n`]);
    const { models } = (await (await fetch(`http://${host}/api/tags`)).json()) as { models: object[] };
    expect(models).toHaveLength(2);
  } finally {
    process.kill(Number(/process (\d+)/.exec(started.stdout)?.[1]), "SIGKILL");
  }
});

test("what cannot be pulled or started fails the step, with a reason", async () => {
  const bin = join(world.dir, "bin");
  const missing = await runStep("pull.sh", { MODELS: "llmlb-test/nothing", LLMLB_HOST: "127.0.0.1:1", ...onPath(bin) });
  expect(missing.exitCode).not.toBe(0);
  expect(missing.stderr).toContain("not found");
  const refused = await runStep("start-node.sh", { LLMLB_HOST: "0.0.0.0:0", ...onPath(bin) });
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout).toContain("::error::the node has ended");
  expect(refused.stdout).toContain("without a key");
});

describe.skipIf(!Bun.which("shellcheck"))("shellcheck", () => {
  test("has nothing to say of the scripts", () => {
    const { stdout } = Bun.spawnSync(["sh", "-c", "shellcheck scripts/action/*.sh"], { cwd: root });
    expect(String(stdout)).toBe("");
  });
});

describe.skipIf(!Bun.which("actionlint"))("actionlint", () => {
  test("finds nothing wrong with the example, nor with the action's inputs and outputs in it", () => {
    const dir = mkdtempSync(join(world.dir, "lint-"));
    mkdirSync(join(dir, ".github/workflows"), { recursive: true });
    mkdirSync(join(dir, ".git"));
    copyFileSync(join(root, "action.yml"), join(dir, "action.yml"));
    const example = readFileSync(join(root, "docs/ci/github.yml"), "utf8");
    const local = example.replace(/uses: llmlb\/llmlb@\S+/, "uses: ./");
    expect(local).not.toBe(example);
    writeFileSync(join(dir, ".github/workflows/example.yml"), local);
    const { stdout } = Bun.spawnSync(["actionlint"], { cwd: dir });
    expect(String(stdout)).toBe("");
  });
});
