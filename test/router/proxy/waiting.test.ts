import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import { manualClock } from "../../fakes/manual-clock.ts";
import { jsonAnswer, rawServer } from "../../fakes/raw-server.ts";
import { startProxy, until } from "./harness.ts";

const path = "/v1/chat/completions";
const ask = (content: string) => ({ model: "m", messages: [{ role: "user", content }] });

test("requests wait for a place, in turn by key", async () => {
  const open: { socket: Socket; request: string }[] = [];
  await using node = await rawServer((socket, request) => void open.push({ socket, request }));
  await using router = await startProxy([{ id: "a", url: node.url, slots: 1 }]);
  const answers: Promise<Response>[] = [];
  for (const [key, content] of [
    ["k1", "first"],
    ["k1", "k1 a"],
    ["k1", "k1 b"],
    ["k1", "k1 c"],
    ["k2", "k2 a"],
  ] as const) {
    answers.push(router.post(path, ask(content), { headers: { authorization: key } }));
    await router.arrived(answers.length);
  }
  for (let number = 1; number <= 5; number++) {
    await until(() => open.length === number);
    open[number - 1]?.socket.write(jsonAnswer({}));
  }
  const responses = await Promise.all(answers);
  const served = open.map(({ request }) => /"content":"([^"]+)"/.exec(request)?.[1]);
  expect(served).toEqual(["first", "k1 a", "k2 a", "k1 b", "k1 c"]);
  expect(Number(responses.at(-1)?.headers.get("x-llmlb-queue-ms"))).toBeGreaterThanOrEqual(0);
});

test("a full line refuses with Retry-After, and a long wait ends", async () => {
  const clock = manualClock();
  await using node = await rawServer(() => undefined);
  const limits = { waitingMax: 2, waitingPerTenantMax: 1, waitMs: 30_000 };
  await using router = await startProxy([{ id: "a", url: node.url, slots: 1 }], { clock, limits });
  const held = router.post(path, ask("x")).catch(() => undefined);
  await until(() => node.requests.length === 1);
  const waiting = router.post(path, ask("y"), { headers: { authorization: "k1" } });
  await until(() => router.chooser.asked.length === 2);
  const tooMany = await router.post(path, ask("z"), { headers: { authorization: "k1" } });
  expect(tooMany.status).toBe(429);
  const other = router.post(path, ask("z"), { headers: { authorization: "k2" } });
  await router.arrived(4);
  const full = await router.post(path, ask("z"), { headers: { authorization: "k3" } });
  expect(full.status).toBe(503);
  expect(full.headers.get("retry-after")).toBe("1");
  await clock.advance(30_000);
  const ended = [await waiting, await other];
  expect(ended.map(({ headers }) => headers.get("retry-after"))).toEqual(["60", "30"]); // it has not moved in 30 s, for two and for one
  for (const late of ended) {
    expect(late.status).toBe(503);
    expect(await late.json()).toMatchObject({ error: { code: "busy" } });
  }
  void held;
});

test("0 requests are lost when a node dies under load", async () => {
  const serve = () => Bun.spawn([process.execPath, "-e", server], { stdout: "pipe", stderr: "ignore" });
  const server = `const s = Bun.serve({ port: 0, hostname: "127.0.0.1", async fetch(request) {
    await request.text(); await Bun.sleep(2); return Response.json({ ok: true }); } }); console.log(s.port);`;
  const children = [serve(), serve(), serve()];
  const nodes = await Promise.all(
    children.map(async (child, index) => {
      const { value } = await child.stdout.getReader().read();
      return { id: `n${index}`, url: `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`, slots: 8 };
    }),
  );
  await using router = await startProxy(nodes);
  const statuses: number[] = [];
  const client = async () => {
    for (let index = 0; index < 40; index++) {
      const response = await router.post(path, ask("x"));
      await response.text();
      statuses.push(response.status);
      if (statuses.length === 200) children[0]?.kill("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: 24 }, client));
  for (const child of children) child.kill();
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  expect(statuses).toHaveLength(24 * 40);
});

test("what a node tells of its cache reaches the choice, once", async () => {
  const usage = { completion_tokens: 1, prompt_tokens_details: { cached_tokens: 77 } };
  await using node = await rawServer((socket) => socket.write(jsonAnswer({ usage })));
  await using router = await startProxy([{ id: "a", url: node.url }]);
  await (await router.post(path, ask("x"))).json();
  expect(router.chooser.cached).toEqual([77]);
});
