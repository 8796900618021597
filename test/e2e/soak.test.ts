/** A small soak on every run; `bun run bench soak` does 1,000 loads and 10,000 answers. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createWorld, type NodeProcess, runnersOf, until, type World } from "./harness.ts";

let world: World;
let node: NodeProcess;
const model = "llmlb-test/tiny-hello-GGUF";

beforeAll(async () => {
  world = await createWorld();
  node = await world.serve();
  await world.llmlb(["node", "pull", model]);
});
afterAll(() => world[Symbol.asyncDispose]());

const answer = async (more: object = {}) => {
  const body = JSON.stringify({ model, prompt: "hi", stream: false, ...more });
  // A connection of its own: one that is kept would count as an open file.
  const response = await fetch(`${node.address}/api/generate`, { method: "POST", body, keepalive: false });
  expect(await response.json()).toMatchObject({ response: "Hello! I am a tiny model." });
};

const openFiles = () => readdirSync(`/proc/${node.pid}/fd`).length;

const idle = async () => {
  await until(async () => (await runnersOf(node.pid)).length === 0, "the runner is gone");
};

test("loads and unloads leave no process and no open file behind", async () => {
  for (let cycle = 0; cycle < 3; cycle++) await answer({ keep_alive: 0 });
  await idle();
  const before = openFiles();
  for (let cycle = 0; cycle < 25; cycle++) await answer({ keep_alive: 0 });
  await idle();
  await until(() => openFiles() <= before, `open files are ${before} again, now ${openFiles()}`);
}, 60_000);

test("answers leave no open file behind, and all slots free", async () => {
  await answer();
  const before = openFiles();
  for (let round = 0; round < 25; round++) await Promise.all(Array.from({ length: 16 }, () => answer()));
  await until(() => openFiles() <= before, `open files are ${before} again, now ${openFiles()}`);
  const { models } = (await (await fetch(`${node.address}/api/node`, { keepalive: false })).json()) as {
    models: object[];
  };
  expect(models).toMatchObject([{ busy_slots: 0, queued: 0 }]);
}, 60_000);
