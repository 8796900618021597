import { afterAll, beforeAll, expect, test } from "bun:test";
import { request } from "node:http";
import { connect } from "node:net";
import type { NodeModel, NodeReport } from "../../src/api/node.ts";
import { createWorld, type NodeProcess, until, type World } from "./harness.ts";

let world: World;
let node: NodeProcess;
const endless = "llmlb-test/tiny-endless-GGUF";
const hello = "llmlb-test/tiny-hello-GGUF";

beforeAll(async () => {
  world = await createWorld();
  node = await world.serve({ LLMLB_STALL_TIMEOUT: "2s" });
  for (const model of [endless, hello]) await world.llmlb(["node", "pull", model]);
});
afterAll(() => world[Symbol.asyncDispose]());

const ask = (model: string, body: object = {}) =>
  fetch(`${node.address}/api/generate`, {
    method: "POST",
    body: JSON.stringify({ model, prompt: "hi", ...body }),
  });

const report = async (): Promise<NodeModel[]> => {
  const { models } = (await (await fetch(`${node.address}/api/node`)).json()) as NodeReport;
  return models;
};

const runnerOf = async (name: string): Promise<number> =>
  (await report()).find((model) => model.name === name)?.pid ?? Promise.reject(new Error(`${name} is not loaded`));

/** node:http, since Bun's fetch opens 256 connections at most. */
const post = (body: object): Promise<{ status: number; retryAfter: string; text: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(`${node.address}/api/generate`, { method: "POST", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, retryAfter: String(response.headers["retry-after"]), text }),
      );
    });
    sent.on("error", reject).end(JSON.stringify(body));
  });

test("of 600 requests at once slots and queue take 516 and answer them, the rest is told to come back", async () => {
  await (await ask(hello, { stream: false })).text();
  const runner = await runnerOf(hello);
  process.kill(runner, "SIGSTOP"); // nobody is answered before all have asked
  let refused = 0;
  const asked = Array.from({ length: 600 }, async () => {
    const answer = await post({ model: hello, prompt: "hi", stream: false });
    if (answer.status === 503) refused++;
    return answer;
  });
  await until(() => refused === 600 - 4 - 512, "84 requests are refused");
  process.kill(runner, "SIGCONT");
  const answers = await Promise.all(asked);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(4 + 512);
  for (const { status, retryAfter, text } of answers)
    if (status === 503) expect(retryAfter).toMatch(/^[1-9]\d*$/);
    else expect(JSON.parse(text).response).toBe("Hello! I am a tiny model.");
}, 60_000);

test("a runner that takes no step is ended, and costs only its own requests", async () => {
  await (await ask(hello, { stream: false })).text();
  const stalled = await ask(endless, { options: { num_predict: 1_000_000 } });
  process.kill(await runnerOf(endless), "SIGSTOP");
  expect(await (await ask(hello, { stream: false })).json()).toMatchObject({ response: "Hello! I am a tiny model." });
  const last = JSON.parse((await stalled.text()).trim().split("\n").at(-1) ?? "");
  expect(last.error).toBe("the model's runner process was ended: it took no decode step for 2 seconds");
  expect(await (await ask(endless, { stream: false, options: { num_predict: 3 } })).json()).toMatchObject({
    eval_count: 3,
  });
}, 60_000);

test("a client that reads nothing gives its slot to others, and still gets its whole answer", async () => {
  const single = await world.serve({ LLMLB_NUM_PARALLEL: "1" });
  const tokens = 8000;
  // Some 20 MB of probabilities: more than the kernel keeps for a client that does not read.
  const body = JSON.stringify({
    model: endless,
    prompt: "go",
    logprobs: true,
    top_logprobs: 20,
    options: { num_predict: tokens },
  });
  const { hostname, port } = new URL(single.address);
  const silent = connect(Number(port), hostname);
  silent.pause();
  silent.write(
    `POST /api/generate HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  const models = async () => ((await (await fetch(`${single.address}/api/node`)).json()) as NodeReport).models;
  await until(async () => (await models()).some((model) => model.busy_slots === 1), "the silent client has the slot");
  const other = { model: endless, prompt: "hi", stream: false, options: { num_predict: 5 } };
  const answer = await fetch(`${single.address}/api/generate`, { method: "POST", body: JSON.stringify(other) });
  expect(await answer.json()).toMatchObject({ eval_count: 5 });
  expect(await models()).toMatchObject([{ busy_slots: 1 }]);
  let last = "";
  for await (const chunk of silent) last = (last + chunk).slice(-1_000_000); // the record with the statistics lists all tokens too
  expect(last).toContain(`"done_reason":"length"`);
  expect(last).toContain(`"eval_count":${tokens}`);
}, 60_000);
