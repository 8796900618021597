import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { buildTinyAdapter } from "../../scripts/fixtures/tiny-adapter.ts";
import { type OllamaFolder, ollamaFolder } from "../fakes/ollama-folder.ts";
import { createWorld, type NodeProcess, type World } from "./harness.ts";

/** A node beside an Ollama that has models: they are used, and nothing in its folder is ever touched. */
let world: World;
let node: NodeProcess;
let folder: OllamaFolder;
let untouched: string[];
let helloId = "";

const gguf = (family: string) => ({
  model_format: "gguf",
  model_family: family,
  model_type: "330K",
  file_type: "Q8_0",
});
const template = "{{ if .System }}<|im_start|>system\n{{ .System }}{{ end }}{{ .Prompt }}";

beforeAll(async () => {
  world = await createWorld();
  folder = ollamaFolder(join(world.dir, "ollama"));
  const library = (path: string) => `registry.ollama.ai/library/${path}`;
  const hello = buildModel("tiny-hello", "Q8_0");
  helloId = folder.add({
    path: library("hello/latest"),
    config: gguf("llama"),
    layers: [
      ["model", hello],
      ["template", template],
      ["params", JSON.stringify({ stop: [" tiny"], temperature: 0, num_ctx: 512 })],
      ["system", "You are a tiny model that says hello and nothing else."],
      ["license", "Tiny License 1.0\nDo what you like."],
    ],
  }).id;
  folder.add({ path: library("bare/v1"), config: gguf("llama"), layers: [["model", hello]] });
  folder.add({
    path: library("endless/latest"),
    config: gguf("llama"),
    layers: [
      ["model", buildModel("tiny-endless")],
      ["params", JSON.stringify({ num_predict: 4 })],
    ],
  });
  folder.add({
    path: "hf.co/user/loud/Q8_0",
    config: gguf("llama"),
    layers: [
      ["model", hello],
      ["adapter", await buildTinyAdapter(hello, "!")],
      ["params", JSON.stringify({ num_predict: 3 })],
    ],
  });
  folder.add({
    path: library("plain/latest"),
    layers: [
      ["model", buildModel("tiny-plain")],
      ["template", template],
      ["some-new-kind", "from the future"],
    ],
  });
  const zebra: [string, Uint8Array][] = [["model", buildModel("edge-unknown-architecture")]];
  folder.add({ path: library("zebra/latest"), config: gguf("zebra"), layers: zebra });
  folder.add({ path: library("broken/latest"), layers: [["model", buildModel("edge-truncated")]] });
  folder.add({ path: library("tensors/latest"), config: { model_format: "safetensors" }, layers: [["tensor", "t"]] });
  folder.addManifest(library("garbage/latest"), "{");
  untouched = folder.snapshot();
  node = await world.serve({ OLLAMA_MODELS: folder.root });
});
afterAll(() => world[Symbol.asyncDispose]());

const llmlb = (...args: string[]) => world.llmlb(["node", ...args]);
const post = async (path: string, body: unknown) => {
  const response = await fetch(`${node.address}${path}`, { method: "POST", body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>;
};

test("list shows them with their marks, whatever can be loaded of them", async () => {
  const { stdout } = await llmlb("list");
  const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(rows.map(([name]) => name).sort()).toEqual([
    "",
    "NAME",
    ...["bare:v1", "broken", "endless", "hello", "hf.co/user/loud:Q8_0", "plain", "tensors", "zebra"].map(
      (name) => `ollama:${name} (readonly)`,
    ),
  ]);
  expect(rows.find(([name]) => name === "ollama:hello (readonly)")?.slice(1, 3)).toEqual([
    helloId.slice(0, 12),
    expect.stringMatching(/^\d+ KB$/),
  ]);
  expect((await llmlb("list", "hello")).stdout).toContain("ollama:hello (readonly)");
  expect(node.log()).toContain("library/garbage/latest: it is not a JSON object");
});

test("show tells what Ollama set, and which template is in use", async () => {
  const { stdout, exitCode } = await llmlb("show", "ollama:hello");
  expect(exitCode).toBe(0);
  for (const pattern of [
    /^ {4}architecture {5,}llama$/m,
    /^ {4}template {5,}the GGUF's own chat template \(Ollama's Go template is not used\)$/m,
    /^ {2}Parameters\n {4}num_ctx {8,}512\n {4}stop {11,}" tiny"\n {4}temperature {4,}0$/m,
    /^ {2}System\n {4}You are a tiny model/m,
    /^ {2}License\n {4}Tiny License 1.0$/m,
  ])
    expect(stdout).toMatch(pattern);
  expect((await llmlb("show", "--template", "ollama:hello")).stdout).toContain("<|im_start|>");
  expect((await llmlb("show", "--modelfile", "ollama:hello")).stdout).toContain("{{ .System }}");
  expect((await llmlb("show", "ollama:plain")).stdout).toContain("ChatML, since the GGUF has no chat template");
  expect((await llmlb("show", "ollama:bare:v1")).stdout).not.toContain("Go template");
});

test("run answers, with the model's own parameters, system message and adapter", async () => {
  const answers = await Promise.all(
    ["hello", "bare:v1", "endless", "hf.co/user/loud:Q8_0"].map((name) => llmlb("run", `ollama:${name}`, "hi")),
  );
  expect(answers.map(({ stdout, stderr, exitCode }) => [stdout, stderr, exitCode])).toEqual([
    ["Hello! I am a\n", "", 0],
    ["Hello! I am a tiny model.\n", "", 0],
    ["tick tock tick tock\n", "", 0],
    ["!!!\n", "", 0],
  ]);
});

test("what a request says comes before them", async () => {
  const say = async (options: Record<string, unknown>, more: Record<string, unknown> = {}) => {
    const body = { model: "ollama:hello", prompt: "hi", stream: false, options, ...more };
    return await post("/api/generate", body);
  };
  expect(await say({ stop: ["!"] })).toMatchObject({ response: "Hello", done_reason: "stop" });
  const own = await say({ stop: [] }, { system: "x" });
  const theirs = await say({ stop: [] });
  expect([own.response, theirs.response]).toEqual(Array(2).fill("Hello! I am a tiny model."));
  expect(Number(theirs.prompt_eval_count)).toBeGreaterThan(Number(own.prompt_eval_count) + 20);
  const messages = [{ role: "user", content: "hi" }];
  const completion = await post("/v1/chat/completions", { model: "ollama:endless", messages });
  expect(completion).toMatchObject({
    choices: [{ message: { content: "tick tock tick tock" }, finish_reason: "length" }],
  });
});

test("ps shows it with its context; stop unloads it", async () => {
  const { models } = JSON.parse((await llmlb("ps", "--json")).stdout);
  const hello = models.find(({ name }: { name: string }) => name === "ollama:hello");
  expect(hello).toMatchObject({ digest: helloId, context_length: 512, details: { quantization_level: "Q8_0" } });
  expect((await llmlb("stop", "ollama:hello")).exitCode).toBe(0);
  expect((await llmlb("ps")).stdout).not.toContain("ollama:hello");
});

test("what this llama.cpp cannot load says why in one line", async () => {
  const cases: [string, RegExp][] = [
    [
      "zebra",
      /^Error: cannot load ollama:zebra: its architecture "zebra" is not supported by this version of llama.cpp\n$/,
    ],
    ["broken", /^Error: .*ollama:broken.*\n$/],
    ["tensors", /^Error: cannot load ollama:tensors: Ollama keeps it as safetensors, not as GGUF;.*Hugging Face\n$/],
    ["absent", /^Error: model "ollama:absent" not found\n$/],
  ];
  for (const [name, message] of cases) {
    const { stdout, stderr, exitCode } = await llmlb("run", `ollama:${name}`, "hi");
    expect(stderr).toMatch(message);
    expect([stdout, exitCode]).toEqual(["", 1]);
  }
});

test("rm and pull refuse and say what to use", async () => {
  for (const [command, theirs] of [
    ["rm", "ollama rm hello"],
    ["pull", "ollama pull hello"],
  ] as const) {
    const { stderr, exitCode } = await llmlb(command, "ollama:hello");
    expect([exitCode, stderr.trim().split("\n").at(-1)]).toEqual([
      1,
      `Error: "ollama:hello" is in Ollama's store, which llmlb only reads; use "${theirs}"`,
    ]);
  }
  expect((await llmlb("rm", "ollama:absent")).stderr).toBe('Error: model "ollama:absent" not found\n');
});

test("the last use is in llmlb's own store, and a node that starts again knows it", async () => {
  expect((await llmlb("list")).stdout).toMatch(/ollama:hello \(readonly\) .* seconds? ago\n/);
  expect(readdirSync(join(world.dir, "models"))).toContain("ollama-uses");
  const first = JSON.parse((await llmlb("list", "--json")).stdout).models;
  const other = await world.serve({ OLLAMA_MODELS: folder.root });
  const again = await world.llmlb(["node", "list", "--json"], { env: { LLMLB_HOST: other.address } });
  expect(JSON.parse(again.stdout).models).toEqual(first);
});

test("not a byte, a name or a time under Ollama's folder has changed", () => {
  expect(folder.snapshot()).toEqual(untouched);
  expect(existsSync(join(world.dir, ".ollama"))).toBe(false);
});
