/** A repository of a model that sees, without GGUF, through the compiled executable. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pictureFile } from "../../scripts/fixtures/pictures.ts";
import { buildTinyVisionCheckpoint } from "../../scripts/fixtures/tiny-vision-checkpoint.ts";
import type { OllamaPullPlan, OllamaPullProgress, OllamaShowResponse } from "../../src/api/ollama.ts";
import { createWorld, type NodeProcess, type World } from "./harness.ts";

let world: World;
const seer = "llmlb-test/tiny-seer";
/** Its encoder takes a moment to convert. */
const large = "llmlb-test/large-seer";
const blind = "llmlb-test/tiny-blind";

beforeAll(async () => {
  world = await createWorld();
  world.hub.publish({ id: seer, files: buildTinyVisionCheckpoint() });
  world.hub.publish({ id: large, files: buildTinyVisionCheckpoint({ feedForward: 262_144, shards: 1 }) });
  world.hub.publish({ id: blind, files: buildTinyVisionCheckpoint({ withoutPreprocessor: true }) });
  await world.serve();
  writeFileSync(join(world.dir, "red.png"), pictureFile("red"));
  writeFileSync(join(world.dir, "blue.png"), pictureFile("blue"));
});
afterAll(() => world[Symbol.asyncDispose]());

const lines = (text: string) => text.trim().split("\n");

const pullFrom = async function* (node: NodeProcess, body: Record<string, unknown>) {
  const response = await fetch(`${node.address}/api/pull`, { method: "POST", body: JSON.stringify(body) });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) yield JSON.parse(text) as OllamaPullProgress;
  }
};

test("pull, show and run: it sees", async () => {
  const planned = await world.llmlb(["node", "pull", seer, "--dry-run", "--quant", "bf16"]);
  expect(lines(planned.stdout).at(-1)).toMatch(
    /^converted here to BF16, its projector to F16 \(.*\): about .* of disk at most, .* when it is done$/,
  );
  const pulled = await world.llmlb(["node", "pull", seer, "--quant", "bf16"]);
  expect(pulled.exitCode).toBe(0);
  expect(lines(pulled.stderr).join("\n")).toMatch(/^converting the projector to F16: 100% /m);
  const shown = await world.llmlb(["node", "show", `${seer}:BF16`]);
  expect(shown.stdout).toMatch(/Capabilities\n( {4}.*\n)* {4}vision\n/);
  expect(shown.stdout).toMatch(/Projector\n {4}architecture +clip\n/);
  expect(shown.stdout).not.toContain("text only");
  for (const colour of ["red", "blue"]) {
    const ran = await world.llmlb(["node", "run", `${seer}:BF16`, `./${colour}.png what colours?`]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `${colour}\n` });
  }
});

test("a node that is killed between text and projector: the next pull makes the projector, and nothing else", async () => {
  const env = { LLMLB_MODELS: join(world.dir, "killed") };
  const node = await world.start(["node", "serve", "--port", "0"], env);
  const killed = async () => {
    for await (const { status } of pullFrom(node, { model: large, quant: "BF16" }))
      if (status === "converting the projector to F16") node.signal("SIGKILL");
  };
  await killed().catch(() => undefined); // the connection breaks
  await node.exited;
  const sent = world.hub.sentBytes();
  const next = await world.start(["node", "serve", "--port", "0"], env);
  const statuses = new Set<string>();
  for await (const { status } of pullFrom(next, { model: large, quant: "BF16" })) statuses.add(status);
  expect([statuses.has("converting to BF16"), statuses.has("converting the projector to F16")]).toEqual([false, true]);
  expect([...statuses].at(-1)).toBe("success");
  expect(world.hub.sentBytes() - sent).toBeLessThan(1_000_000);
  const answer = await world.llmlb(["node", "run", `${large}:BF16`, "./red.png ?"], {
    env: { LLMLB_HOST: next.address },
  });
  expect(answer.stdout).toBe("red\n");
  expect(readdirSync(join(env.LLMLB_MODELS, "conversions"))).toEqual([]);
});

test("an encoder that cannot be converted: said before, meanwhile and after", async () => {
  const planned = await world.llmlb(["node", "pull", blind, "--dry-run"]);
  const reason = "neither preprocessor_config.json nor processor_config.json has the three of image_mean";
  expect(lines(planned.stdout).at(-1)).toBe(`only its text part, so that it will neither see nor hear: ${reason}`);
  const json = await world.llmlb(["node", "pull", blind, "--dry-run", "--json"]);
  expect((JSON.parse(json.stdout) as OllamaPullPlan).conversion).toMatchObject({ text_only: true, left_out: reason });
  const pulled = await world.llmlb(["node", "pull", blind, "--quant", "bf16"]);
  expect(lines(pulled.stderr)).toContain(
    `converting the text part only, so that the model will neither see nor hear: ${reason}`,
  );
  const shown = await world.llmlb(["node", "show", `${blind}:BF16`]);
  expect(shown.stdout).toMatch(new RegExp(`text only +${reason}\n`));
  const told = JSON.parse(
    (await world.llmlb(["node", "show", `${blind}:BF16`, "--json"])).stdout,
  ) as OllamaShowResponse;
  expect([told.left_out, told.capabilities.includes("vision")]).toEqual([reason, false]);
  const ran = await world.llmlb(["node", "run", `${blind}:BF16`, "hello"]);
  expect(ran.stdout).toBe("I see no picture\n");
});
