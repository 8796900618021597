import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createWorld, type NodeProcess, runnersOf, until, type World } from "./harness.ts";

let world: World;
let node: NodeProcess;
const endless = "llmlb-test/tiny-endless-GGUF";
const hello = "llmlb-test/tiny-hello-GGUF";
const messages = [{ role: "user", content: "hi" }];

beforeAll(async () => {
  world = await createWorld();
  node = await world.serve();
  for (const model of [endless, hello]) await world.llmlb(["node", "pull", model]);
});
afterAll(() => world[Symbol.asyncDispose]());

const chat = (model: string, signal?: AbortSignal, path = "/api/chat") =>
  fetch(node.address + path, {
    method: "POST",
    body: JSON.stringify({ model, messages, stream: true, options: { num_predict: -1 } }),
    ...(signal ? { signal } : {}),
  });

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Reads until the first piece of the answer is there; the rest stays in the stream. */
const begin = async (response: Response) => {
  const reader = response.body?.getReader();
  const first = await reader?.read();
  return { reader, first: new TextDecoder().decode(first?.value) };
};

const rest = async (reader: Awaited<ReturnType<typeof begin>>["reader"]) => {
  let text = "";
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    text += new TextDecoder().decode(read.value);
  }
  return text;
};

test("a runner killed in mid-answer ends the stream with an error, and the next request works", async () => {
  const answer = await begin(await chat(endless));
  const [runner = 0] = await runnersOf(node.pid);
  process.kill(runner, "SIGKILL");
  const last = JSON.parse((await rest(answer.reader)).trim().split("\n").at(-1) ?? "");
  expect(last.error).toMatch(/runner|process/);
  const records = (await (await chat(hello)).text()).trim().split("\n");
  expect(JSON.parse(records.at(-1) ?? "")).toMatchObject({ done: true, done_reason: "stop" });
  const again = await begin(await chat(endless));
  expect(again.first).toContain('"done":false');
  await again.reader?.cancel();
});

test("the same in OpenAI's dialect: an error event and no [DONE]", async () => {
  const answer = await begin(await chat(endless, undefined, "/v1/chat/completions"));
  const runners = await runnersOf(node.pid);
  for (const runner of runners) process.kill(runner, "SIGKILL");
  const text = await rest(answer.reader);
  expect(text).toContain('data: {"error":{"message":');
  expect(text).not.toContain("[DONE]");
});

test("a client that goes away stops its generation: the next answer is not kept waiting", async () => {
  const abort = new AbortController();
  const answer = await begin(await chat(endless, abort.signal));
  abort.abort();
  await answer.reader?.read().catch(() => undefined);
  const next = await begin(await chat(endless)); // one slot: it begins only when the first has ended
  expect(next.first).toContain('"done":false');
  await next.reader?.cancel();
});

test("clients that go away at any moment leave no lease behind", async () => {
  const leave = async (moment: number) => {
    const abort = new AbortController();
    const asked = chat(endless, abort.signal, moment % 2 ? "/api/chat" : "/v1/chat/completions");
    if (moment % 3 === 0) setImmediate(() => abort.abort());
    const answer = await asked.catch(() => undefined);
    if (moment % 3 === 1) await answer?.body?.getReader().read();
    abort.abort();
  };
  for (let round = 0; round < 5; round++) await Promise.all(Array.from({ length: 12 }, (_, moment) => leave(moment)));
  for (const model of [endless, hello]) {
    // With the last lease its model goes; one that leaked would keep it.
    const ask = { model, messages, stream: false, keep_alive: 0, options: { num_predict: 3 } };
    await fetch(`${node.address}/api/chat`, { method: "POST", body: JSON.stringify(ask) });
  }
  await until(async () => (await runnersOf(node.pid)).length === 0, "the runners end");
});

test("a file that is damaged on the disk is a clear error, whatever is wrong with it, and other models answer", async () => {
  const model = "llmlb-test/tiny-plain-GGUF";
  const damage = {
    cut: (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1000),
    "another magic": (bytes: Uint8Array) => bytes.fill(0x58, 0, 4),
    "a count that cannot be": (bytes: Uint8Array) => bytes.fill(0xff, 8, 12),
  };
  for (const [what, change] of Object.entries(damage)) {
    await world.llmlb(["node", "pull", model]);
    const { files } = (await Bun.file(
      join(world.env.LLMLB_MODELS ?? "", "manifests/huggingface.co/llmlb-test/tiny-plain-GGUF/Q8_0.json"),
    ).json()) as { files: { digest: string }[] };
    const blob = join(world.env.LLMLB_MODELS ?? "", "blobs", (files[0]?.digest ?? "").replace(":", "-"));
    await Bun.write(blob, change(await Bun.file(blob).bytes()));
    const answer = await chat(model);
    const { error } = (await answer.json()) as { error: string };
    expect([what, answer.status, error]).toEqual([
      what,
      500,
      expect.stringMatching(/usable GGUF|damaged or incomplete|pull it again/),
    ]);
    expect(await (await chat(hello)).text()).toContain('"done":true');
    await world.llmlb(["node", "rm", model]);
  }
});

test("requests to a busy model are all answered", async () => {
  const answers = await Promise.all(Array.from({ length: 12 }, async () => (await chat(hello)).text()));
  for (const answer of answers) expect(answer).toContain('"done":true');
});

test("`llmlb node run` reports a lost connection with exit code 2", async () => {
  const doomed = await world.serve();
  const running = world.llmlb(["node", "run", endless, "hi"], { env: { LLMLB_HOST: doomed.address } });
  await until(async () => (await runnersOf(doomed.pid)).length > 0, "the model is loaded");
  const ps = async () => (await (await fetch(`${doomed.address}/api/ps`)).text()).includes(endless);
  await until(ps, "the model answers");
  doomed.signal("SIGKILL");
  const result = await running;
  expect([result.exitCode, result.stderr]).toEqual([2, expect.stringMatching(/^Error: .*connection.*\n$/)]);
});

test("when the node dies its runners end by themselves", async () => {
  const doomed = await world.serve();
  await begin(
    await fetch(`${doomed.address}/api/chat`, { method: "POST", body: JSON.stringify({ model: endless, messages }) }),
  );
  const runners = await runnersOf(doomed.pid);
  expect(runners.length).toBe(1);
  doomed.signal("SIGKILL");
  await doomed.exited;
  await until(() => !runners.some(isAlive), "the runners end");
});

test("SIGTERM lets a running answer finish, then the node exits 0", async () => {
  const other = await world.serve();
  const ask = { model: endless, messages, options: { num_predict: 400 } };
  const answer = await begin(await fetch(`${other.address}/api/chat`, { method: "POST", body: JSON.stringify(ask) }));
  other.signal("SIGTERM");
  expect(await rest(answer.reader)).toContain('"done_reason":"length"');
  expect(await other.exited).toBe(0);
  expect(other.log()).toContain("stopped");
});

test("a second signal ends the node at once", async () => {
  const other = await world.serve();
  const answer = await begin(
    await fetch(`${other.address}/api/chat`, { method: "POST", body: JSON.stringify({ model: endless, messages }) }),
  );
  other.signal("SIGINT");
  await until(() => other.log().includes("SIGINT"), "the first signal is seen");
  other.signal("SIGINT");
  expect(await other.exited).toBe(1);
  await answer.reader?.read().catch(() => undefined);
});

test("an idle node ends at once on SIGINT", async () => {
  const other = await world.serve();
  await fetch(`${other.address}/api/tags`); // leaves an idle kept-alive connection
  other.signal("SIGINT");
  expect(await other.exited).toBe(0);
});

test("a taken port is a clear error with exit code 1", async () => {
  const port = new URL(node.address).port;
  const { exitCode, stderr } = await world.llmlb(["node", "serve", "--port", port]);
  expect([exitCode, stderr]).toEqual([
    1,
    `Error: cannot listen on 127.0.0.1:${port}: the address is in use; stop the other server or choose another --port\n`,
  ]);
});
