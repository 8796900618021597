import { expect, test } from "bun:test";
import { listedModel, loadedRecord, ndjson, notFound, startFakeNode } from "../../fakes/fake-node.ts";
import { startProxy } from "./harness.ts";

const tagged = (name: string) => Response.json({ models: [listedModel({ name, model: name })] });

test("the models of all nodes are one list; a node that is gone does not hold it up", async () => {
  await using a = startFakeNode({
    "GET /api/tags": () => tagged("org/m"),
    "GET /api/ps": () => Response.json({ models: [] }),
  });
  await using router = await startProxy([
    { id: "a", url: a.baseUrl, models: ["org/m"] },
    { id: "dead", url: "http://127.0.0.1:1", models: ["org/m", "only-here"] },
    { id: "v", url: "http://127.0.0.1:1", kind: "vllm", models: ["served"] },
    { id: "off", url: "http://127.0.0.1:1", models: ["never"], status: "offline" },
  ]);
  const get = async (path: string) => (await fetch(router.base + path)).json() as Promise<Record<string, never[]>>;
  const names = (await get("/api/tags")).models?.map(({ name }) => name);
  expect(names).toEqual(["org/m", "only-here", "served"] as never[]);
  expect((await get("/v1/models")).data?.map(({ id }) => id)).toEqual(names);
  expect(await get("/v1/models/org%2Fm")).toMatchObject({ id: "org/m", owned_by: "org" } as object);
  expect((await fetch(`${router.base}/v1/models/none`)).status).toBe(404);
  expect(await get("/api/ps")).toEqual({ models: [] });
});

test("models are described, deleted, unloaded and pulled where they are", async () => {
  const done = () => new Response();
  const routes = {
    "POST /api/show": () => Response.json({ details: {} }),
    "DELETE /api/delete": done,
    "POST /api/generate": () => Response.json({ ...loadedRecord, done_reason: "unload" }),
    "POST /api/pull": () => ndjson([{ status: "pulling" }, { status: "success" }]),
  };
  await using a = startFakeNode(routes);
  await using b = startFakeNode({ ...routes, "DELETE /api/delete": () => notFound("m") });
  await using router = await startProxy([
    { id: "a", url: a.baseUrl, kind: "ollama", models: ["m:latest"], availableBytes: 1 },
    { id: "b", url: b.baseUrl, models: ["m"], availableBytes: 2 },
  ]);
  expect((await router.post("/api/show", { name: "m" })).headers.get("x-llmlb-node")).toBe("a");
  expect(a.bodies("/api/show")).toEqual([{ model: "m:latest" }]);
  expect((await router.post("/api/delete", { model: "m" }, { method: "DELETE" })).status).toBe(200);
  expect(b.bodies("/api/delete")).toEqual([{ model: "m" }]);
  const unloaded = await router.post("/api/generate", { model: "m", keep_alive: 0 });
  expect(await unloaded.json()).toMatchObject({ done_reason: "unload", response: "" });
  expect([a, b].map((node) => node.bodies("/api/generate").length)).toEqual([1, 1]);
  const pull = async (body: object) =>
    (await (await router.post("/api/pull", { model: "org/x", ...body })).text()).trim().split("\n");
  expect((await pull({})).map((line) => JSON.parse(line))).toEqual([
    { status: "pulling", node: "b" },
    { status: "success", node: "b" },
  ]);
  const statuses = (await pull({ all: true })).map((line) => JSON.parse(line).status);
  expect(statuses.toSorted()).toEqual(["pulled to node a", "pulled to node b", "pulling", "pulling", "success"]);
  expect(statuses.at(-1)).toBe("success"); // at which clients end
  expect((await router.post("/api/show", { model: "none" })).status).toBe(404);
});

test("a pull goes where the model fits, as a node plans it", async () => {
  const plan = { status: "dry run", total: 8e9, needed: 8e9 };
  const pulled = () => ndjson([{ status: "success" }]);
  await using a = startFakeNode({
    "POST /api/pull": ({ body }) => ((body as { dry_run?: boolean }).dry_run ? Response.json(plan) : pulled()),
  });
  await using b = startFakeNode({ "POST /api/pull": pulled });
  await using router = await startProxy([
    { id: "a", url: a.baseUrl, availableBytes: 64e9, diskFreeBytes: 7e9 },
    { id: "b", url: b.baseUrl, availableBytes: 16e9, diskFreeBytes: 90e9 },
  ]);
  const progress = await router.post("/api/pull", { model: "org/x", quant: "Q8_0" });
  expect(JSON.parse(await progress.text())).toEqual({ status: "success", node: "b" });
  expect(a.bodies("/api/pull")).toEqual([{ model: "org/x", quant: "Q8_0", stream: false, dry_run: true }]);
  expect(b.bodies("/api/pull")).toEqual([{ model: "org/x", quant: "Q8_0", stream: true }]);
});

test("what is done with models follows the aliases of router.toml, and no fallback", async () => {
  const routes = {
    "POST /api/show": () => Response.json({ details: {} }),
    "DELETE /api/delete": () => new Response(),
    "POST /api/copy": () => new Response(),
    "POST /api/generate": () => Response.json({ ...loadedRecord, done_reason: "unload" }),
  };
  await using node = startFakeNode(routes);
  const names = {
    aliases: new Map([
      ["best", "better"],
      ["better", "org/m"],
    ]),
    fallbacks: new Map([["missing", ["org/m"]]]),
  };
  await using router = await startProxy([{ id: "a", url: node.baseUrl, models: ["org/m"] }], { names });
  expect((await router.post("/api/show", { model: "Best" })).status).toBe(200);
  expect((await router.post("/api/copy", { source: "best", destination: "mine" })).status).toBe(200);
  expect((await router.post("/api/generate", { model: "best", keep_alive: 0 })).status).toBe(200);
  expect((await router.post("/api/delete", { name: "better" }, { method: "DELETE" })).status).toBe(200);
  expect(node.bodies("/api/show")).toEqual([{ model: "org/m" }]);
  expect(node.bodies("/api/copy")).toEqual([{ source: "org/m", destination: "mine" }]);
  expect(node.bodies("/api/generate")).toEqual([{ model: "org/m", keep_alive: 0, stream: false }]);
  expect(node.bodies("/api/delete")).toEqual([{ model: "org/m" }]);
  const missing = await router.post("/api/delete", { model: "missing" }, { method: "DELETE" });
  expect([missing.status, await missing.json()]).toEqual([
    404,
    { error: 'model "missing" not found: no node that manages models has it' },
  ]);
});

test("metrics tell of requests", async () => {
  await using a = startFakeNode({ "POST /v1/chat/completions": () => Response.json({}) });
  await using router = await startProxy([{ id: "a", url: a.baseUrl }]);
  await (await router.post("/v1/chat/completions", { model: "m", messages: [] })).text();
  const text = await (await fetch(`${router.base}/metrics`)).text();
  expect(text).toContain(
    'llmlb_router_requests_total{route="/v1/chat/completions",model="m",node="a",status="200",fault=""} 1',
  );
  expect(text).toContain('llmlb_router_nodes{status="online"} 1');
});

test("a response is gone on from where it is kept; a load without a prompt asks no server that has none", async () => {
  const respond = (id: string) => ({ "POST /v1/responses": () => Response.json({ id, object: "response" }) });
  await using a = startFakeNode(respond("resp_a"));
  await using b = startFakeNode({
    ...respond("resp_b"),
    "GET /v1/responses/resp_b": () => Response.json({ kept: true }),
  });
  await using router = await startProxy([
    { id: "b", url: b.baseUrl, slots: 1 },
    { id: "a", url: a.baseUrl },
    { id: "v", url: "http://127.0.0.1:1", kind: "vllm", models: ["served"] },
  ]);
  await (await router.post("/v1/responses", { model: "m", input: "hi" })).json();
  const next = await router.post("/v1/responses", { model: "m", input: "on", previous_response_id: "resp_b" });
  expect(next.headers.get("x-llmlb-node")).toBe("b");
  expect(router.chooser.asked.at(-1)?.excluded).toEqual(new Set(["a", "v"]));
  expect(await (await fetch(`${router.base}/v1/responses/resp_b`)).json()).toEqual({ kept: true });
  expect((await fetch(`${router.base}/v1/responses/resp_x`)).status).toBe(404);
  expect(await (await router.post("/api/chat", { model: "served" })).json()).toMatchObject({ done_reason: "load" });
});
