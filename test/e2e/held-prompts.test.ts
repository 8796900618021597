/** Two nodes and a router: it knows what their models really have in their caches, whoever asked them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { NodeReport } from "../../src/api/node.ts";
import type { RouterNodesResponse } from "../../src/api/router.ts";
import { createWorld, type NodeProcess, until, type World } from "./harness.ts";

let world: World;
let router: NodeProcess;
let one: NodeProcess;
let other: NodeProcess;
const ids = new Map<NodeProcess, string>();
const model = "llmlb-test/tiny-hello-GGUF";

/** One slot and no prompt cache: the next prompt takes the place of the last one. */
const forgetful = { LLMLB_NUM_PARALLEL: "1", LLMLB_PROMPT_CACHE_BYTES: "0" };

beforeAll(async () => {
  world = await createWorld();
  expect((await world.llmlb(["node", "pull", model, "--local"])).exitCode).toBe(0);
  router = await world.start(["router", "serve", "--port", "0"]);
  world.env.LLMLB_ROUTER_HOST = router.address;
  const joinNode = async (env: Record<string, string>) => {
    const token = (await world.llmlb(["router", "token", "create"])).stdout.trim();
    return await world.start(["node", "serve", "--port", "0", "--router", router.address], {
      ...{ LLMLB_JOIN_TOKEN: token, HOME: mkdtempSync(join(world.dir, "home-")) },
      ...env,
    });
  };
  one = await joinNode(forgetful);
  other = await joinNode(forgetful);
  await until(async () => {
    const { nodes } = (await (await fetch(`${router.address}/api/router/nodes`)).json()) as RouterNodesResponse;
    for (const node of [one, other]) ids.set(node, nodes.find(({ url }) => url === node.address)?.id ?? "");
    return nodes.filter(({ status }) => status === "online").length === 2;
  }, "both online");
  for (const node of [one, other]) await direct(node, "hello");
  await lookAgain();
});
afterAll(() => world[Symbol.asyncDispose]());

const post = (address: string, path: string, body: object) =>
  fetch(address + path, { method: "POST", body: JSON.stringify({ model, ...body }) });

let prompts = 0;
/** About 1,500 characters that nobody has asked before. */
const newPrompt = () => {
  const number = prompts++;
  return Array.from({ length: 150 }, (_, word) => `p${number}w${word}`).join(" ");
};

/** Asks a node past the router, in another API than the router is asked in, and waits until the node knows what it holds. */
const direct = async (node: NodeProcess, prompt: string) => {
  const messages = [{ role: "user", content: prompt }];
  const before = await heldBy(node);
  expect((await post(node.address, "/v1/messages", { max_tokens: 1, messages })).status).toBe(200);
  if (prompt.length > 256) await until(async () => (await heldBy(node)) !== before, "the node knows what it holds");
};

const heldBy = async (node: NodeProcess): Promise<string | undefined> =>
  ((await (await fetch(`${node.address}/api/node?prompts=1`)).json()) as NodeReport).prompts?.[0]?.marks;

/** After a change that goes through it the router asks nodes what they have; their reports come later than a test wants to wait. */
const lookAgain = async () => {
  const body = JSON.stringify({ source: model, destination: "another" });
  expect((await fetch(`${router.address}/api/copy`, { method: "POST", body })).status).toBe(200);
};

/** Where the router sends a conversation that begins so, why, and how much of it was in the cache there. */
const ask = async (prompt: string) => {
  const answer = await post(router.address, "/v1/chat/completions", {
    max_tokens: 1,
    messages: [
      { role: "user", content: prompt },
      { role: "assistant", content: "Yes." },
      { role: "user", content: "Go on." },
    ],
  });
  const { usage } = (await answer.json()) as { usage: { prompt_tokens_details: { cached_tokens: number } } };
  const { cached_tokens: cachedTokens } = usage.prompt_tokens_details;
  return { node: answer.headers.get("x-llmlb-node"), reason: answer.headers.get("x-llmlb-reason"), cachedTokens };
};

/** One in a hundred requests goes somewhere to learn: then all is done once more. */
const unlessExploring = async (attempt: () => Promise<Awaited<ReturnType<typeof ask>>>) => {
  let seen = await attempt();
  while (seen.reason === "explore") seen = await attempt();
  return seen;
};

test("what a node was asked past the router is found there through the router", async () => {
  for (const node of [one, other]) {
    const seen = await unlessExploring(async () => {
      const prompt = newPrompt();
      await direct(node, prompt);
      await lookAgain();
      return await ask(prompt);
    });
    expect(seen).toEqual({ node: ids.get(node) as string, reason: "prefix", cachedTokens: expect.any(Number) });
    expect(seen.cachedTokens).toBeGreaterThan(100);
  }
});

test("what another prompt has displaced is not looked for any more", async () => {
  const seen = await unlessExploring(async () => {
    const prompt = newPrompt();
    await direct(one, prompt);
    await lookAgain();
    await direct(one, newPrompt());
    await lookAgain();
    return await ask(prompt);
  });
  expect(seen.reason).not.toBe("prefix");
  expect(seen.cachedTokens).toBeLessThan(50);
});

test("what a model that was loaded anew held before is forgotten", async () => {
  const seen = await unlessExploring(async () => {
    const prompt = newPrompt();
    await direct(one, prompt);
    await lookAgain();
    await post(one.address, "/api/generate", { keep_alive: 0 });
    await until(async () => (await heldBy(one)) === undefined, "it is unloaded");
    await direct(one, "hello");
    await lookAgain();
    return await ask(prompt);
  });
  expect(seen.reason).not.toBe("prefix");
  expect(seen.cachedTokens).toBeLessThan(50);
});
