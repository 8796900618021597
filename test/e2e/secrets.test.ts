/** Node and router at their most talkative, with secrets everywhere: none of them comes out. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type HubFixture, startHubFixture } from "../../scripts/fixtures/hub.ts";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { chunk, jsonAnswer, lastChunk, type RawServer, rawServer } from "../fakes/raw-server.ts";
import { createWorld, runnersOf, until, type World } from "./harness.ts";

const secrets: Record<string, string> = {
  hubToken: "hf_0d1f8a7c5b3e2947",
  mirrorPassword: "mirror-5f2c9a01",
  nodeKey: "node-key-7be1d440",
  routerKey: "router-key-c93a6e12",
  upstreamKey: "sk-upstream-2a8d77f3",
  wrongKey: "sk-somebody-elses-91b0",
  urlPassword: "in-the-url-4c6d8e20",
  proxyPassword: "proxy-1e5a9b3d",
};
const {
  hubToken = "",
  mirrorPassword,
  nodeKey = "",
  routerKey = "",
  upstreamKey,
  wrongKey,
  urlPassword,
  proxyPassword,
} = secrets;

const gated = "llmlb-test/gated-GGUF";
const file = "gated-Q8_0.gguf";

interface Server {
  url: string;
  pid: number;
  home: string;
}

let world: World;
let hub: HubFixture;
let upstream: RawServer;
let router: Server;
let node: Server;
let mirrored: Server;
/** All that anybody could read: output, answers, command lines. */
const heard: string[] = [];
const children: Bun.Subprocess[] = [];

const serve = async (args: string[], name: string, env: Record<string, string>): Promise<Server> => {
  const home = join(world.dir, name);
  mkdirSync(home);
  const child = Bun.spawn([world.executable, ...args, "--port", "0"], {
    env: {
      ...{ PATH: world.env.PATH ?? "", HOME: home, OLLAMA_MODELS: join(home, "none"), LLMLB_NUM_THREADS: "1" },
      ...{ LLMLB_DEBUG: "2", LLMLB_CACHE: join(world.dir, "cache"), BUN_SOMETHING: "x", NO_PROXY: "127.0.0.1" },
      ...{ HTTPS_PROXY: `http://me:${proxyPassword}@127.0.0.1:9`, ALL_PROXY: `http://me:${proxyPassword}@127.0.0.1:9` },
      ...env,
    },
    ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  });
  children.push(child);
  const ready = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    void (async () => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        heard.push(text);
        const [, url] = /listening on (http:\/\/\S+)/.exec(text) ?? [];
        if (url) ready.resolve(url);
      }
    })();
  return { url: await ready.promise, pid: child.pid, home };
};

/** Asks a server and notes what it says. */
const ask = async (
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
  method = body === undefined ? "GET" : "POST",
) => {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  heard.push(JSON.stringify([...response.headers]), text);
  return { status: response.status, text };
};

/** What a route gives to whoever asks for it is not noted, but looked for everywhere else. */
const create = async (path: string, body: object, field: string): Promise<string> => {
  const headers = { authorization: `Bearer ${routerKey}` };
  const response = await fetch(router.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  return ((await response.json()) as Record<string, string>)[field] ?? "";
};

beforeAll(async () => {
  world = await createWorld();
  hub = startHubFixture({
    repositories: [
      {
        id: gated,
        gated: "auto",
        readers: [hubToken],
        files: [{ path: file, content: buildModel("tiny-hello", "Q8_0") }],
      },
    ],
  });
  // It repeats what it was sent, as services do that help to find mistakes.
  upstream = await rawServer((socket, request) => {
    if (request.startsWith("GET /v1/models"))
      return socket.write(jsonAnswer({ data: [{ id: "echo", object: "model" }] }));
    const error = { error: { message: `you sent ${request}` } };
    if (request.includes("busy")) return socket.write(jsonAnswer(error, { status: "503 x" }));
    const head = "HTTP/1.1 400 x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    return socket.write(`${head}${chunk(JSON.stringify(error))}${lastChunk}`);
  });
  router = await serve(["router", "serve"], "router", { LLMLB_API_KEY: routerKey });
  secrets.joinToken = await create("/api/router/tokens", {}, "token");
  secrets.clientKey = await create("/api/router/keys", { name: "client", scopes: ["infer"] }, "key");
  node = await serve(["node", "serve", "--router", router.url], "node", {
    ...{ LLMLB_API_KEY: nodeKey, HF_TOKEN: hubToken, HF_ENDPOINT: hub.endpoint, LLMLB_JOIN_TOKEN: secrets.joinToken },
  });
  mirrored = await serve(["node", "serve"], "mirrored", {
    HF_ENDPOINT: hub.endpoint.replace("//", `//me:${mirrorPassword}@`),
  });
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map(({ exited }) => exited));
  await upstream[Symbol.asyncDispose]();
  hub.stop();
  await world[Symbol.asyncDispose]();
});

const withKey = (key = "") => ({ authorization: `Bearer ${key}` });

const useNode = async (): Promise<void> => {
  const pull = (model: string) => ask(`${node.url}/api/pull`, { model }, withKey(nodeKey));
  hub.inject({ on: "cdn", expired: true, times: 1 });
  hub.inject({ on: "cdn", status: 500, times: 1 });
  await pull("llmlb-test/absent");
  await pull(`https://me:${urlPassword}@huggingface.co/org`);
  expect((await pull(gated)).text).toContain('"success"');
  await ask(`${mirrored.url}/api/pull`, { model: gated });
  await ask(`${mirrored.url}/api/generate`, { model: "absent", prompt: `http://me:${urlPassword}@host` });
  const chat = { model: gated, stream: false, messages: [{ role: "user", content: "hi" }] };
  expect((await ask(`${node.url}/api/chat`, chat, withKey(nodeKey))).status).toBe(200);
  expect((await ask(`${node.url}/api/chat?key=${wrongKey}`, chat, { "x-api-key": wrongKey ?? "" })).status).toBe(401);
  for (const path of ["/metrics", "/api/node", "/api/tags", "/api/ps", "/openapi.json", `/nowhere?key=${wrongKey}`])
    await ask(node.url + path, undefined, withKey(nodeKey));
  await ask(`${node.url}/api/show`, { model: gated }, withKey(nodeKey));
};

const useRouter = async (): Promise<void> => {
  const admin = withKey(routerKey);
  const added = await ask(
    `${router.url}/api/router/nodes`,
    { url: upstream.url, kind: "openai", api_key: upstreamKey },
    admin,
  );
  expect(added.status).toBe(200);
  await ask(`${router.url}/api/router/nodes`, { url: `http://me:${urlPassword}@127.0.0.1:1` }, admin);
  await ask(`${router.url}/api/router/join`, { token: wrongKey, url: "http://127.0.0.1:1", key: upstreamKey }, {});
  await until(
    async () => (await ask(`${router.url}/v1/models`, undefined, admin)).text.includes("echo"),
    "the model is there",
  );
  for (const content of ["hi", "busy"]) {
    const body = { model: "echo", messages: [{ role: "user", content }] };
    const answer = await ask(`${router.url}/v1/chat/completions`, body, withKey(secrets.clientKey));
    expect(answer.status).toBeGreaterThanOrEqual(400);
  }
  const chat = { model: gated, stream: false, messages: [{ role: "user", content: "hi" }] };
  await until(
    async () => (await ask(`${router.url}/api/chat`, chat, withKey(secrets.clientKey))).status === 200,
    "the node answers",
  );
  await ask(`${router.url}/api/chat`, chat, withKey(wrongKey));
  for (const path of [
    "/metrics",
    "/api/router/nodes",
    "/api/router/status",
    "/api/router/activity",
    "/api/router/keys",
    "/api/router/tokens",
    "/api/router/models",
  ])
    await ask(router.url + path, undefined, admin);
};

const useCommands = async (): Promise<void> => {
  for (const [args, env] of [
    [["node", "list"], { LLMLB_HOST: `http://me:${urlPassword}@127.0.0.1:1` }],
    [["node", "list"], { LLMLB_HOST: node.url, LLMLB_API_KEY: wrongKey }],
    [["node", "list"], { LLMLB_HOST: node.url, LLMLB_API_KEY: nodeKey }],
    [["router", "nodes"], { LLMLB_ROUTER_HOST: router.url, LLMLB_API_KEY: routerKey }],
    [
      ["node", "pull", `https://me:${urlPassword}@huggingface.co/org`],
      { LLMLB_HOST: node.url, LLMLB_API_KEY: nodeKey },
    ],
    [["node", "serve", "--host", "0.0.0.0"], { HF_TOKEN: hubToken }],
    [["upgrade", "--check"], { LLMLB_DOWNLOAD_URL: `http://me:${urlPassword}@127.0.0.1:1/releases` }],
    [["gpu", "install", "cuda"], { LLMLB_DOWNLOAD_URL: `http://me:${urlPassword}@127.0.0.1:1/releases` }],
  ] as [string[], Record<string, string>][]) {
    const { stdout, stderr } = await world.llmlb(args, { env: { LLMLB_DEBUG: "2", ...env } });
    heard.push(stdout, stderr);
  }
};

/** Files whose purpose is to keep a secret. */
const keepers = /\/\.llmlb\/(joined|router\.db-keys)\//;

test("no secret comes out of logs, answers, files or what other users see of processes", async () => {
  await useNode();
  await useRouter();
  await useCommands();
  const signatures = hub.requests.flatMap(({ path }) => /Signature=([0-9a-f]{64})/.exec(path)?.[1] ?? []);
  expect(signatures.length).toBeGreaterThan(0);
  const all = {
    ...secrets,
    signature: signatures[0] ?? "",
    login: Buffer.from(`me:${mirrorPassword}`).toString("base64"),
  };
  for (const { pid } of [router, node]) heard.push(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
  const files = [router, node, mirrored].flatMap(({ home }) =>
    readdirSync(home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const kept = files.filter((path) => keepers.test(path));
  expect(kept.length).toBeGreaterThan(1);
  const texts = [
    ["what was heard", heard.join("\n")],
    ...files.filter((path) => !keepers.test(path)).map((path) => [path, readFileSync(path, "latin1")]),
  ];
  const found = Object.entries(all).flatMap(([name, secret]) =>
    texts.flatMap(([where = "", text = ""]) => {
      const at = text.indexOf(secret);
      return at < 0 ? [] : [`${name} in ${where}: ${text.slice(Math.max(0, at - 100), at + 60)}`];
    }),
  );
  expect(found).toEqual([]);
  expect(heard.join("").length).toBeGreaterThan(10_000);
});

test("the process of a model has no secret in its environment, nor settings of the runtime that it runs on", async () => {
  const [pid] = await runnersOf(node.pid);
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  const names = environment.map((entry) => entry.split("=")[0] ?? "").filter(Boolean);
  expect(names).toContain("PATH");
  expect(names.filter((name) => /^(BUN_|NODE_OPTIONS|LLMLB_|HF_)|PROXY|KEY|TOKEN/i.test(name))).toEqual([]);
  for (const secret of Object.values(secrets)) expect(environment.join("\n")).not.toContain(secret);
});
