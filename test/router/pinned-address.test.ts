/** A node's name is looked up and judged for each connection, and what was judged is what is connected to. */
import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { systemClock } from "../../src/core/clock.ts";
import { askNode } from "../../src/router/cluster/ask-node.ts";
import { createUpstream } from "../../src/router/proxy/upstream.ts";
import { jsonAnswer, rawServer } from "../fakes/raw-server.ts";

const idle = new AbortController().signal;
const portOf = (url: string) => new URL(url).port;

/** Answers with each of these in turn, the last for ever. */
const lookups = (...answers: string[][]) => {
  const asked: string[] = [];
  return {
    asked,
    lookup: async (name: string) => {
      asked.push(name);
      return answers[Math.min(asked.length, answers.length) - 1] ?? [];
    },
  };
};

/** One request of the proxy's to `http://node.test:PORT`. */
const proxied = (port: string, lookup: (name: string) => Promise<string[]>) => {
  const upstream = createUpstream({ clock: systemClock, lookup });
  const request = {
    base: `http://node.test:${port}`,
    method: "GET",
    path: "/x",
    headers: [],
  };
  return () => upstream.send(request, idle);
};

test("the proxy connects to what the name leads to, and asks by the name", async () => {
  await using node = await rawServer((socket) => socket.write(jsonAnswer({})));
  const { lookup, asked } = lookups(["127.0.0.1"]);
  const send = proxied(portOf(node.url), lookup);
  expect((await send()).status).toBe(200);
  expect(asked).toEqual(["node.test"]);
  expect(node.requests[0]).toContain(`host: node.test:${portOf(node.url)}\r\n`);
});

test("a name that leads elsewhere by the next connection is not followed there", async () => {
  const last = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
  await using node = await rawServer((socket) => socket.end(last));
  const { lookup, asked } = lookups(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "169.254.169.254"]);
  const send = proxied(portOf(node.url), lookup);
  const first = await send();
  while (await first.body.read());
  for (let turn = 0; turn < 2; turn++)
    await expect(send()).rejects.toMatchObject({
      code: "connection",
      message: expect.stringContaining("node.test is 169.254.169.254: link-local addresses are refused"),
    });
  expect([asked.length, node.requests.length]).toEqual([3, 1]);
});

test("a connection that is kept needs no look at its name", async () => {
  await using node = await rawServer((socket) => socket.write(jsonAnswer({})));
  const { lookup, asked } = lookups(["127.0.0.1"], ["169.254.169.254"]);
  const send = proxied(portOf(node.url), lookup);
  for (let turn = 0; turn < 3; turn++) {
    const { body } = await send();
    while (await body.read());
  }
  expect([asked.length, node.connections]).toEqual([1, 1]);
});

test("of several addresses the one is found where the node listens; a name without any is told", async () => {
  await using node = await rawServer((socket) => socket.write(jsonAnswer({ models: [] })));
  const port = portOf(node.url);
  const several = async () => ["::1", "127.0.0.2", "127.0.0.1"];
  expect((await proxied(port, several)()).status).toBe(200);
  expect(
    (await askNode(`http://node.test:${port}`, undefined, { clock: systemClock, lookup: several })("/")).status,
  ).toBe(200);
  await expect(proxied(port, async () => [])()).rejects.toThrow("the name node.test has no address");
  await expect(proxied(port, async () => ["127.0.0.2"])()).rejects.toThrow(
    `cannot connect to node.test:${port}: ECONNREFUSED`,
  );
});

test("a name server that does not answer is waited for no longer than a connection", async () => {
  const upstream = createUpstream({ clock: systemClock, lookup: () => new Promise(() => undefined), connectMs: 20 });
  const request = { base: "http://node.test:1", method: "GET", path: "/", headers: [] };
  await expect(upstream.send(request, idle)).rejects.toThrow("cannot connect to node.test:1: no answer in 0.02 s");
});

test("probes ask at the address that was judged, by the name", async () => {
  await using node = await rawServer((socket) => socket.write(jsonAnswer({ models: [] })));
  const { lookup, asked } = lookups(["127.0.0.1"], ["169.254.169.254"]);
  const url = `http://node.test:${portOf(node.url)}`;
  const probe = () => askNode(url, "key", { clock: systemClock, lookup });
  const ask = probe();
  expect([(await ask("/api/a")).status, (await ask("/api/b")).status]).toEqual([200, 200]);
  expect(asked).toEqual(["node.test"]);
  expect(node.requests.join("\n")).toMatch(/^host: node\.test:\d+\r$/im);
  await expect(probe()("/api/a")).rejects.toMatchObject({ code: "forbidden" });
  expect(node.requests).toHaveLength(2);
});

test("certificates are asked for, and checked, by the name", async () => {
  const hellos: string[] = [];
  const server = createServer((socket) => {
    socket
      .on("error", () => undefined)
      .once("data", (data) => {
        hellos.push(data.toString("latin1"));
        socket.destroy();
      });
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const lookup = async () => ["127.0.0.1"];
  const base = `https://node.test:${port}`;
  const upstream = createUpstream({ clock: systemClock, lookup });
  await upstream.send({ base, method: "GET", path: "/", headers: [] }, idle).catch(() => undefined);
  await askNode(base, undefined, { clock: systemClock, lookup })("/").catch(() => undefined);
  expect(hellos.map((hello) => hello.includes("node.test"))).toEqual([true, true]);
  server.close();
});
