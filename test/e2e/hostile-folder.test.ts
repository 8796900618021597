import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createWorld, type World } from "./harness.ts";

let world: World;
let trap: string;
const sprung = () => existsSync(join(trap, "sprung"));

/** A folder in which anything that Bun might pick up leaves a mark. */
beforeAll(async () => {
  world = await createWorld();
  trap = join(world.dir, "trap");
  const bomb = `require("node:fs").appendFileSync(${JSON.stringify(join(trap, "sprung"))}, import.meta?.path ?? "");`;
  mkdirSync(trap);
  writeFileSync(join(trap, "bomb.ts"), bomb);
  writeFileSync(join(trap, "bunfig.toml"), 'preload = ["./bomb.ts"]\n[test]\npreload = ["./bomb.ts"]\n');
  writeFileSync(join(trap, ".env"), "LLMLB_HOST=evil.example:1\nLLMLB_DEBUG=2\n");
  writeFileSync(join(trap, "package.json"), '{ "name": "trap", "imports": { "#*": "./bomb.ts" } }');
  writeFileSync(join(trap, "tsconfig.json"), '{ "compilerOptions": { "paths": { "*": ["./bomb.ts"] } } }');
  const names = [
    "electron",
    "node-llama-cpp",
    "@node-llama-cpp/linux-x64",
    "@node-llama-cpp/linux-x64-cuda",
    "typescript",
  ];
  for (const name of [...names, "elysia", "citty", "consola", "@sinclair/typebox", "openapi-types", "file-type"]) {
    const folder = join(trap, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, main: "index.js", version: "9.9.9" }));
    writeFileSync(join(folder, "index.js"), bomb);
  }
});

afterAll(() => world[Symbol.asyncDispose]());

test("commands run nothing that lies in the current folder", async () => {
  for (const args of [
    ["--version"],
    ["--help"],
    ["node", "serve", "--help"],
    ["node", "list"],
    ["node", "pull", "org/name"],
  ]) {
    const { stderr } = await world.llmlb(args, { cwd: trap, env: { LLMLB_HOST: "127.0.0.1:9" } });
    expect(stderr).not.toContain("evil.example");
    expect(sprung()).toBe(false);
  }
});

test("a .env in the current folder is not read", async () => {
  const { stderr, exitCode } = await world.llmlb(["node", "list"], { cwd: trap });
  expect(stderr).not.toContain("evil.example");
  expect([0, 2]).toContain(exitCode);
});

test("a node started there loads a model and answers, and runs nothing of the folder", async () => {
  const node = await world.serve({}, trap);
  const env = { LLMLB_HOST: node.address };
  expect((await world.llmlb(["node", "pull", "llmlb-test/tiny-hello-GGUF"], { cwd: trap, env })).exitCode).toBe(0);
  const answer = await world.llmlb(["node", "run", "llmlb-test/tiny-hello-GGUF", "hi"], { cwd: trap, env });
  expect(answer.exitCode).toBe(0);
  expect(answer.stdout.trim().length).toBeGreaterThan(0);
  expect(sprung()).toBe(false);
});

test("a router started there serves, and runs nothing of the folder, though it starts itself again", async () => {
  const router = await world.start(["router", "serve", "--port", "0"], { LLMLB_HOST: "127.0.0.1:9" }, trap);
  expect((await fetch(`${router.address}/health`)).status).toBe(200);
  expect(sprung()).toBe(false);
});

test("the executable runs through a symbolic link", async () => {
  const link = join(world.dir, "linked");
  symlinkSync(world.executable, link);
  const child = Bun.spawn([link, "--version"], { cwd: "/", env: world.env, stdout: "pipe" });
  expect(await child.stdout.text()).toMatch(/\d+\.\d+\.\d+/);
  rmSync(link);
});
