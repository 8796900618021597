import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildTinyCheckpoint } from "../../scripts/fixtures/tiny-checkpoint.ts";
import { tinyHello } from "../../scripts/fixtures/tiny-models.ts";
import type { OllamaPullPlan, OllamaPullProgress } from "../../src/api/ollama.ts";
import { createWorld, type NodeProcess, until, type World } from "./harness.ts";

let world: World;
const tiny = "llmlb-test/tiny-hello";
/** What takes a moment to convert and seconds to quantize. */
const large = "llmlb-test/large-hello";
const largeFiles = buildTinyCheckpoint(tinyHello, { feedForward: 65_536 });
const largeBytes = largeFiles.reduce((sum, { content }) => sum + (content as string | Uint8Array).length, 0);
const sentence = "Hello! I am a tiny model.\n";

beforeAll(async () => {
  world = await createWorld();
  world.hub.publish({ id: tiny, license: "mit", files: buildTinyCheckpoint(tinyHello) });
  world.hub.publish({ id: large, files: largeFiles });
  await world.serve();
});
afterAll(() => world[Symbol.asyncDispose]());

const lines = (text: string) => text.trim().split("\n");
const requests = () => world.hub.requests.length;
const shardRequests = () => world.hub.requests.filter(({ path }) => /\.safetensors$/.test(path)).length;

/** Pids of the conversions of this world. */
const conversions = (): number[] =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .map(Number)
    .filter((pid) => commandOf(pid).startsWith(`${world.executable}\0__convert\0`));

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
};

const pullFrom = async function* (
  node: NodeProcess,
  body: Record<string, unknown>,
): AsyncGenerator<OllamaPullProgress> {
  const response = await fetch(`${node.address}/api/pull`, { method: "POST", body: JSON.stringify(body) });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) yield JSON.parse(text);
  }
};

test("a dry run tells what a conversion takes", async () => {
  const { stdout, exitCode } = await world.llmlb(["node", "pull", tiny, "--dry-run"]);
  expect(exitCode).toBe(0);
  const [title, , first, second, state, made] = lines(stdout);
  expect(title).toBe(`${tiny}:Q4_K_M`);
  expect([first, second].join()).toMatch(
    /^model-00001-of-00002.safetensors +weights .*,model-00002-of-00002.safetensors +weights /,
  );
  expect(state).toMatch(/^1\.0 MB of 1\.0 MB to download, to .*models \(.* free\)$/);
  expect(made).toBe(
    "converted here to BF16, then quantized to Q4_K_M: about 1.6 MB of disk at most, 312 KB when it is done",
  );
  const json = await world.llmlb(["node", "pull", tiny, "--dry-run", "--json", "--quant", "f16"]);
  const plan = JSON.parse(json.stdout) as OllamaPullPlan;
  expect(plan).toMatchObject({ model: `${tiny}:F16`, conversion: { type: "F16", float_type: "F16" } });
});

test("pull, show and run of a repository of safetensors", async () => {
  const pulled = await world.llmlb(["node", "pull", tiny]);
  expect(pulled.exitCode).toBe(0);
  expect(lines(pulled.stderr)).toContain("quantizing to Q4_K_M: 100% 1.0 MB/1.0 MB");
  expect(lines(pulled.stderr).at(-1)).toBe("success");
  expect((await world.llmlb(["node", "run", "tiny-hello", "Who are you?"])).stdout).toBe(sentence);
  const shown = JSON.parse((await world.llmlb(["node", "show", tiny, "--json"])).stdout);
  expect(shown.details).toMatchObject({ format: "gguf", family: "llama", quantization_level: "Q4_K_M" });
  expect(shown.template).toContain("<|im_start|>");
  const before = requests();
  expect((await world.llmlb(["node", "pull", tiny])).exitCode).toBe(0);
  expect(requests() - before).toBe(1);
});

test("--quant and the API's fields name the quantization", async () => {
  expect((await world.llmlb(["node", "pull", tiny, "--quant", "q8_0"])).exitCode).toBe(0);
  const node = await world.serve();
  const statuses: string[] = [];
  for await (const { status } of pullFrom(node, { model: tiny, quant: "Q6_K" })) statuses.push(status);
  expect(statuses).toContain("quantizing to Q6_K");
  expect(statuses.at(-1)).toBe("success");
  for await (const { status } of pullFrom(node, { model: tiny, quantize: "bf16" })) statuses.push(status);
  const { stdout } = await world.llmlb(["node", "list"]);
  for (const tag of ["", ":Q8_0", ":Q6_K", ":BF16"]) expect(stdout).toMatch(new RegExp(`^${tiny}${tag} `, "m"));
  expect((await world.llmlb(["node", "run", `${tiny}:Q8_0`, "hi"])).stdout).toBe(sentence);
  const twice = await world.llmlb(["node", "pull", `${tiny}:Q8_0`, "--quant", "Q6_K"]);
  expect([twice.exitCode, twice.stderr]).toEqual([1, expect.stringContaining("which names one already")]);
  const wrong = await world.llmlb(["node", "pull", tiny, "--quant", "IQ1_S"]);
  expect([wrong.exitCode, wrong.stderr]).toEqual([1, expect.stringContaining("of which can be made")]);
});

test("--local converts without a node", async () => {
  const env = { LLMLB_HOST: "127.0.0.1:1", LLMLB_MODELS: join(world.dir, "local-models") };
  const { exitCode, stdout } = await world.llmlb(["node", "pull", tiny, "--local", "--json"], { env });
  expect([exitCode, JSON.parse(lines(stdout).at(-1) ?? "")]).toEqual([0, { status: "success" }]);
});

test("an architecture that is not supported names repositories that have the model as GGUF", async () => {
  const id = "llmlb-test/mystery";
  world.hub.publish({ id, files: buildTinyCheckpoint(tinyHello, { architecture: "MysteryForCausalLM" }) });
  world.hub.publish({ id: "quantizer/mystery-GGUF", quantizes: id, files: [] });
  const before = shardRequests();
  const { exitCode, stderr } = await world.llmlb(["node", "pull", id]);
  expect(exitCode).toBe(1);
  expect(lines(stderr).at(-1)).toMatch(
    /^Error: cannot convert "llmlb-test\/mystery": .*MysteryForCausalLM.*; as GGUF it is in quantizer\/mystery-GGUF$/,
  );
  expect(shardRequests()).toBe(before);
});

test.each([
  ["converting to BF16", "Q4_K_M"],
  ["quantizing to Q5_K_M", "Q5_K_M"],
])("a node that is killed while %s: the next pull goes on", async (status, quant) => {
  const env = { LLMLB_MODELS: join(world.dir, `killed-${quant}`) };
  const node = await world.start(["node", "serve", "--port", "0"], env);
  const before = world.hub.sentBytes();
  let seen: number[] | undefined;
  const killed = async () => {
    for await (const progress of pullFrom(node, { model: large, quant })) {
      const { completed = 0, total = 0 } = progress;
      if (seen || progress.status !== status || completed <= 0.1 * total) continue; // else between two processes
      seen = conversions();
      node.signal("SIGKILL");
    }
  };
  await killed().catch(() => undefined); // the connection breaks
  expect(seen).toHaveLength(1);
  await node.exited;
  await until(() => conversions().length === 0, "the conversion ends with its node");
  const next = await world.start(["node", "serve", "--port", "0"], env);
  const statuses = new Set<string>();
  for await (const progress of pullFrom(next, { model: large, quant })) statuses.add(progress.status);
  expect([...statuses].at(-1)).toBe("success");
  expect(statuses.has("converting to BF16")).toBe(status === "converting to BF16");
  const underWay = 32 * 1024 * 1024; // in the buffers of a few connections
  expect(world.hub.sentBytes() - before).toBeLessThan(largeBytes + underWay);
  const answer = await world.llmlb(["node", "run", `${large}:${quant}`, "hi"], { env: { LLMLB_HOST: next.address } });
  expect(answer.stdout).toBe(sentence);
  expect(readdirSync(join(env.LLMLB_MODELS, "conversions"))).toEqual([]);
});

test("who leaves ends the conversion", async () => {
  const node = await world.serve({ LLMLB_MODELS: join(world.dir, "left") });
  for await (const { status, total } of pullFrom(node, { model: large }))
    if (status.startsWith("quantizing") && total !== undefined) break;
  await until(() => conversions().length === 0, "the conversion ends");
  const again = new Set<string>();
  for await (const { status } of pullFrom(node, { model: large })) again.add(status);
  expect([again.has("converting to BF16"), again.has("success")]).toEqual([false, true]);
});
