import { afterEach, beforeEach, expect, test } from "bun:test";
import type { OllamaChatRequest } from "../../src/api/ollama.ts";
import { type CliWorld, openCliWorld } from "../fakes/cli-process.ts";
import {
  chatRecords,
  type FakeNode,
  listedModel,
  loadedRecord,
  ndjson,
  notFound,
  shownModel,
  startFakeNode,
} from "../fakes/fake-node.ts";

let node: FakeNode;
let world: CliWorld;

beforeEach(() => {
  node = startFakeNode({
    "POST /api/show": () => Response.json(shownModel()),
    "POST /api/generate": () => ndjson([loadedRecord]),
    "POST /api/chat": () => ndjson(chatRecords(["Hello ", "there."], ["Hmm."])),
  });
  world = openCliWorld(node.host);
});

afterEach(async () => {
  world[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

const llmlb = (...words: string[]) => world.run(["node", ...words]);

test("list prints the table of the contract", async () => {
  const readonly = {
    name: "ollama:llama3.2",
    read_only: true,
    digest: "a80c4f17acd5".padEnd(64, "0"),
    modified_at: new Date(Date.now() - 3 * 86_400_000).toISOString(),
  };
  node.on("GET /api/tags", () => Response.json({ models: [listedModel(), listedModel(readonly)] }));
  expect(await llmlb("list")).toEqual({
    stdout: [
      "NAME                                ID            SIZE      MODIFIED",
      "meta-llama/Llama-3.2-3B-Instruct    1f2e3d4c5b6a  2.0 GB    2 hours ago",
      "ollama:llama3.2 (readonly)          a80c4f17acd5  2.0 GB    3 days ago",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 0,
  });
});

test("list takes a prefix in any case, of the name, its last part or an alias; ls is list", async () => {
  const models = [listedModel(), listedModel({ name: "Qwen/Qwen3-4B", aliases: ["tiny"] })];
  node.on("GET /api/tags", () => Response.json({ models }));
  const names = async (...words: string[]) => JSON.parse((await llmlb(...words, "--json")).stdout).models;
  expect(await names("list")).toEqual(models);
  expect(await names("ls", "LLAMA-3")).toEqual([models[0]]);
  expect(await names("list", "qwen/")).toEqual([models[1]]);
  expect(await names("list", "tin")).toEqual([models[1]]);
  expect(await names("list", "nothing")).toEqual([]);
});

test("ps prints the table of the contract, with dashes where there is no GPU", async () => {
  const running = {
    ...listedModel({ size: 3_100_000_000 }),
    expires_at: new Date(Date.now() + 4.5 * 60_000).toISOString(),
    size_vram: 3_100_000_000,
    context_length: 4096,
    vram_utilization: 0.35,
    temperature_celsius: 62,
  };
  node.on("GET /api/ps", () => Response.json({ models: [running] }));
  expect((await llmlb("ps")).stdout).toBe(
    [
      "NAME                                ID            SIZE      PROCESSOR    UNTIL                 VRAM    TEMP",
      "meta-llama/Llama-3.2-3B-Instruct    1f2e3d4c5b6a  3.1 GB    100% GPU     4 minutes from now    35%     62°C",
      "",
    ].join("\n"),
  );
  const { vram_utilization: _vram, temperature_celsius: _temperature, ...cpu } = running;
  const others = [
    { ...cpu, name: "on-cpu", size_vram: 0, expires_at: "0001-01-01T00:00:00Z" },
    { ...cpu, name: "shared", size_vram: 3_100_000_000 * 0.52, expires_at: "2318-01-01T00:00:00Z" },
    { ...cpu, name: "odd", size_vram: 4_000_000_000, expires_at: "2020-01-01T00:00:00Z" },
  ];
  node.on("GET /api/ps", () => Response.json({ models: others }));
  const lines = (await llmlb("ps")).stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(lines.slice(1, 4)).toEqual([
    ["on-cpu", "1f2e3d4c5b6a", "3.1 GB", "100% CPU", "Never", "-", "-"],
    ["shared", "1f2e3d4c5b6a", "3.1 GB", "48%/52% CPU/GPU", "Forever", "-", "-"],
    ["odd", "1f2e3d4c5b6a", "3.1 GB", "Unknown", "Stopping...", "-", "-"],
  ]);
});

test("show prints its sections, one part alone, or JSON", async () => {
  const sheet = (await llmlb("show", "org/model")).stdout;
  expect(sheet).toContain("  Model\n    architecture        llama\n    parameters          3.2B\n");
  expect(sheet).toContain(
    "    context length      131072\n    embedding length    3072\n    quantization        Q4_K_M\n",
  );
  expect(sheet).toContain("    format              gguf\n    size                2.0 GB\n\n");
  expect(sheet).toContain('  Parameters\n    stop           "<|eot_id|>"\n    temperature    0.7\n\n');
  expect(sheet).toEndWith(
    "  License\n    LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n    Version Release Date: September 25, 2024\n    ...\n\n",
  );
  expect((await llmlb("show", "org/model", "--template")).stdout).toBe("{{ .Prompt }}\n");
  expect((await llmlb("show", "--license", "org/model")).stdout).toEndWith("More of it\n");
  expect((await llmlb("show", "--system", "org/model")).stdout).toBe("\n");
  expect(JSON.parse((await llmlb("show", "org/model", "--json")).stdout)).toEqual(shownModel());
  expect(await llmlb("show", "org/model", "--template", "--license")).toEqual({
    stdout: "",
    stderr: "Error: only one of --license and --template can be given\n",
    exitCode: 1,
  });
});

test("rm deletes each model; a missing one does not keep the others, a wrong name keeps all", async () => {
  node.on("DELETE /api/delete", ({ body }) => {
    const { model } = body as { model: string };
    return model === "org/missing" ? notFound(model) : Response.json({});
  });
  expect(await llmlb("rm", "org/one", "org/missing", "org/two")).toEqual({
    stdout: "deleted 'org/one'\ndeleted 'org/two'\n",
    stderr: 'Error: model "org/missing" not found\n',
    exitCode: 1,
  });
  node.requests.length = 0;
  const refused = await llmlb("rm", "org/one", "org/../two");
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toStartWith('Error: invalid model name "org/../two": ');
  expect(node.requests).toEqual([]);
});

test("stop unloads with keep_alive 0 and says nothing", async () => {
  expect(await llmlb("stop", "org/model")).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  expect(node.bodies("/api/generate")).toEqual([{ stream: true, model: "org/model", keep_alive: 0 }]);
});

test.each([["show"], ["rm"], ["stop"], ["run"]])("%s of an unknown model", async (word) => {
  for (const route of ["POST /api/show", "POST /api/generate", "DELETE /api/delete"])
    node.on(route, () => notFound("none"));
  expect(await llmlb(word, "none")).toEqual({ stdout: "", stderr: 'Error: model "none" not found\n', exitCode: 1 });
});

test.each([["show"], ["rm"], ["stop"], ["run"], ["pull"]])(
  "%s checks the name before it asks anybody",
  async (word) => {
    const { stderr, exitCode } = await llmlb(word, " org/model");
    expect(stderr).toBe('Error: invalid model name " org/model": it contains white space or control characters\n');
    expect(exitCode).toBe(1);
    expect(node.requests).toEqual([]);
  },
);

test("pull without a node says how to do without", async () => {
  await node[Symbol.asyncDispose]();
  const { exitCode, stderr } = await llmlb("pull", "org/m");
  expect([exitCode, stderr]).toEqual([
    2,
    `Error: cannot connect to the llmlb node at ${node.host}; start it with "llmlb node serve", or pull without it: --local\n`,
  ]);
});

test.each(["list", "ps", "show m", "rm m", "stop m", "run m hi", "cp m n"])("%s without a node", async (line) => {
  await node[Symbol.asyncDispose]();
  expect(await llmlb(...line.split(" "))).toEqual({
    stdout: "",
    stderr: `Error: cannot connect to the llmlb node at ${node.host}; start it with "llmlb node serve"\n`,
    exitCode: 2,
  });
});

test("a proxy in the environment is not asked for loopback", async () => {
  node.on("GET /api/tags", () => Response.json({ models: [] }));
  const proxies = { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" };
  const { exitCode, stderr } = await world.run(["node", "list"], { env: proxies });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});

test("run answers a prompt: nothing but the answer on stdout, thinking left out", async () => {
  expect(await llmlb("run", "org/model", "Why", "blue?")).toEqual({
    stdout: "Hello there.\n",
    stderr: "",
    exitCode: 0,
  });
  expect(node.bodies("/api/chat")).toEqual([
    { stream: true, model: "org/model", messages: [{ role: "user", content: "Why blue?" }] },
  ]);
});

test("run takes a piped prompt, and puts it before the words of the command line", async () => {
  expect((await world.run(["node", "run", "org/model"], { stdin: "From a pipe" })).stdout).toBe("Hello there.\n");
  await world.run(["node", "run", "org/model", "sum", "up"], { stdin: "A text" });
  const prompts = node.bodies("/api/chat").map((body) => (body as OllamaChatRequest).messages[0]?.content);
  expect(prompts).toEqual(["From a pipe", "A text sum up"]);
});

test("run with an empty prompt only loads the model", async () => {
  expect(await llmlb("run", "org/model", "", "--keepalive", "-1")).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  expect(node.bodies("/api/generate")).toEqual([{ stream: true, model: "org/model", keep_alive: -1 }]);
  expect(node.bodies("/api/chat")).toEqual([]);
});

test("run hands think, format and keep_alive on, and prints timings on stderr", async () => {
  const words = ["run", "--think", "org/model", "hi", "--format", '{"type":"object"}', "--keepalive=5m", "--verbose"];
  const { stdout, stderr } = await llmlb(...words);
  expect(stdout).toBe("Hello there.\n");
  expect(stderr).toBe(
    [
      "total duration:       1.234567891s",
      "load duration:        12.5ms",
      "prompt eval count:    26 token(s)",
      "prompt eval duration: 130ms",
      "prompt eval rate:     200.00 tokens/s",
      "eval count:           10 token(s)",
      "eval duration:        200ms",
      "eval rate:            50.00 tokens/s",
      "",
    ].join("\n"),
  );
  expect(node.bodies("/api/chat")[0]).toMatchObject({ think: true, format: { type: "object" }, keep_alive: "5m" });
});

test.each([
  ["--think=hard", 'invalid value for --think: "hard" (must be true, false, high, medium, low, or max)'],
  ["--format=xml", 'invalid value for --format: expected json or a JSON schema, such as {"type":"object"}'],
  ["--keepalive=soon", 'invalid duration "soon": expected seconds or a value such as 5m or 1h30m'],
])("run refuses %s", async (flag, message) => {
  expect(await llmlb("run", "m", "hi", flag)).toEqual({ stdout: "", stderr: `Error: ${message}\n`, exitCode: 1 });
  expect(node.requests).toEqual([]);
});

test("run pulls a Hugging Face model that the node lacks, then answers", async () => {
  node.on("POST /api/show", ({ body }) => notFound((body as { model: string }).model));
  node.on("POST /api/pull", () => {
    node.on("POST /api/show", () => Response.json(shownModel()));
    return ndjson([{ status: "pulling manifest" }, { status: "success" }]);
  });
  expect(await llmlb("run", "hf.co/org/new", "hi")).toEqual({
    stdout: "Hello there.\n",
    stderr: "pulling manifest\nsuccess\n",
    exitCode: 0,
  });
  expect(node.bodies("/api/pull")).toEqual([{ model: "hf.co/org/new", stream: true }]);
});

test("run says what the node says: an error before and in the middle of the answer", async () => {
  node.on("POST /api/chat", () => Response.json({ error: '"m" does not support thinking' }, { status: 400 }));
  expect(await llmlb("run", "m", "hi", "--think")).toMatchObject({
    stdout: "",
    stderr: 'Error: "m" does not support thinking\n',
    exitCode: 1,
  });
  node.on("POST /api/chat", () => ndjson([chatRecords(["Half"])[0], { error: "the model's runner\ncrashed" }]));
  expect(await llmlb("run", "m", "hi")).toEqual({
    stdout: "Half\n",
    stderr: "Error: the model's runner crashed\n",
    exitCode: 1,
  });
});

test("a connection lost in mid-answer is 2, and what came is shown", async () => {
  node.on("POST /api/chat", () => ndjson([chatRecords(["Half"])[0]]));
  expect(await llmlb("run", "m", "hi")).toEqual({
    stdout: "Half\n",
    stderr: `Error: connection to ${node.host} was lost in the middle of the answer\n`,
    exitCode: 2,
  });
});

test("a long answer reaches a slow pipe whole, and a reader that leaves ends the answer quietly", async () => {
  const piece = `${"x".repeat(99_999)}\n`;
  node.on("POST /api/chat", () => ndjson(chatRecords(Array.from({ length: 30 }, () => piece))));
  const whole = await world.shell('$LLMLB node run m hi | { read -r first; wc -c; }; echo "$PIPESTATUS"');
  expect(whole).toEqual({ stdout: `${29 * 100_000}\n0\n`, stderr: "", exitCode: 0 });

  const left = Promise.withResolvers<void>();
  node.on("POST /api/chat", ({ signal }) => {
    signal.addEventListener("abort", () => left.resolve());
    const [record] = chatRecords([piece]);
    return ndjson(
      (async function* () {
        while (!signal.aborted) yield record;
      })(),
    );
  });
  const cut = await world.shell('$LLMLB node run m hi | head -n 1 | wc -c; echo "$PIPESTATUS"');
  expect(cut).toEqual({ stdout: "100000\n0\n", stderr: "", exitCode: 0 });
  await left.promise;
});

test("a listing goes whole through a pipe and into a file; head ends it with 0", async () => {
  const models = Array.from({ length: 5000 }, (_, index) => listedModel({ name: `org/model-${index}` }));
  node.on("GET /api/tags", () => Response.json({ models }));
  const script =
    '$LLMLB node list | wc -l; $LLMLB node list > list.txt; wc -l < list.txt; $LLMLB node list | head -n 1 > /dev/null; echo "$PIPESTATUS"';
  expect(await world.shell(script)).toEqual({ stdout: "5001\n5001\n0\n", stderr: "", exitCode: 0 });
});

test("serve refuses a wrong port and a wrong host", async () => {
  expect(await llmlb("serve", "--port", "70000")).toMatchObject({
    stderr: 'Error: invalid --port "70000": expected 0 to 65535\n',
    exitCode: 1,
  });
  const wrongHost = await world.run(["node", "list"], { env: { LLMLB_HOST: "a:b:c" } });
  expect(wrongHost.stderr).toStartWith('Error: invalid LLMLB_HOST "a:b:c": ');
  expect(wrongHost.exitCode).toBe(1);
});

test("LLMLB_DEBUG adds the stack, nothing else does", async () => {
  const plain = await llmlb("lst");
  expect(plain.stderr).toBe('Error: unknown command "lst"; did you mean "list"?\n');
  const debug = await world.run(["node", "lst"], { env: { LLMLB_DEBUG: "1" } });
  expect(debug.stderr).toStartWith(plain.stderr);
  expect(debug.stderr).toContain("run-cli.ts");
});
