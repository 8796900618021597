import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { loadConfig } from "../../src/config/config.ts";
import type { Log } from "../../src/core/log.ts";
import { silentLog } from "../../src/core/log.ts";
import { dialectOf } from "../../src/http/errors.ts";
import { operations } from "../../src/node/openapi-operations.ts";
import { type RunningNode, startNode } from "../../src/node/start.ts";
import { type RunningRouter, startRouter } from "../../src/router/start.ts";
import { openStore } from "../../src/store/open-store.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { fakeRunner } from "../fakes/fake-runner.ts";
import { anyJson, changedBytes, changedJson, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";
import { bodies, model } from "./request-bodies.ts";

interface Asked {
  operation: string;
  body: string | Uint8Array;
}

const encode = (value: unknown): string => JSON.stringify(value) ?? "";

const bodyOf = (documents: readonly unknown[]): fc.Arbitrary<string | Uint8Array> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.oneof(...documents.map(changedJson)).map(encode) },
    { weight: 1, arbitrary: anyJson.map(encode) },
    { weight: 1, arbitrary: fc.oneof(...documents.map((document) => changedBytes(Buffer.from(encode(document))))) },
    { weight: 1, arbitrary: fc.constantFrom(...["", "{", "[[[", "\ufeff{}", `{"model":"${model}","prompt":1e999}`]) },
  );

const requests = (operationsHere: readonly string[]): fc.Arbitrary<Asked> =>
  fc
    .constantFrom(...operationsHere)
    .chain((operation) => fc.record({ operation: fc.constant(operation), body: bodyOf(bodies[operation] ?? []) }));

/** What may do everything: some of the requests make keys, after which the router asks for one. */
const key = "key-of-the-fuzz-tests";
const headers = { authorization: `Bearer ${key}` };

let dir: string;
let node: RunningNode;
let router: RunningRouter;
const logged: string[] = [];
const log: Log = { ...silentLog, error: (message) => void logged.push(message) };

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-fuzz-http-"));
  const modelsDir = join(dir, "models");
  await publish(modelsDir);
  const env = { HOME: dir, LLMLB_MODELS: modelsDir, OLLAMA_MODELS: join(dir, "none"), HF_HUB_OFFLINE: "1" };
  const machine = fakeMachine(() => fakeRunner());
  node = startNode({ config: loadConfig(env, { port: "0" }), log, machine });
  router = await startRouter({
    config: loadConfig({ ...env, LLMLB_ROUTER_HOST: "127.0.0.1:0", LLMLB_API_KEY: key }),
    log,
  });
  const added = await fetch(`${urlOf(router)}/api/router/nodes`, {
    method: "POST",
    headers,
    body: encode({ url: urlOf(node) }),
  });
  expect(added.status).toBe(200);
});
afterAll(async () => {
  await router.stop(0);
  await node.stop(0);
  rmSync(dir, { recursive: true, force: true });
});

const urlOf = ({ address }: RunningNode | RunningRouter) => `http://127.0.0.1:${address.port}`;

const publish = async (modelsDir: string): Promise<void> => {
  const bytes = buildModel("tiny-hello", "Q8_0");
  const path = join(dir, "download");
  writeFileSync(path, bytes);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const [org = "", name = ""] = model.split("/");
  await openStore(modelsDir).publish({
    ...{ model: { host: "huggingface.co", org, name, tag: "Q8_0" }, defaultTag: "Q8_0" },
    source: { endpoint: "http://hub", repository: model, commit: "c0ffee", file: "m.gguf" },
    files: [{ role: "model", name: "m.gguf", digest, sizeBytes: bytes.length, content: { kind: "partial", path } }],
  });
};

/** What an error looks like in each dialect. */
const errorShapes = {
  ollama: { error: expect.any(String) },
  openAi: { error: { message: expect.any(String), type: expect.any(String) } },
  anthropic: { type: "error", error: { type: expect.any(String), message: expect.any(String) } },
} as const;

/** The one thing that a request can ask for in all earnest and no machine has. */
const noRoom = /cannot load \S+: it needs .* of memory/;

/** No answer may be a fault of the server, and a refusal is told in the words of the dialect. */
const check = async (base: string, { operation, body }: Asked): Promise<void> => {
  const [method = "", path = ""] = operation.split(" ");
  logged.length = 0;
  const response = await fetch(base + path, { method, headers, body: body as string });
  const text = await response.text();
  if (response.status === 500 && !noRoom.test(text))
    throw new Error(`${response.status} ${text}\n${logged.join("\n")}`);
  if (response.status >= 400) expect(JSON.parse(text)).toMatchObject(errorShapes[dialectOf(path)]);
  expect(logged).toEqual([]);
  // A fault that comes late is the last record of the stream.
  expect(text.slice(-500)).not.toContain('"code":"internal"');
};

const ofNode = Object.keys(bodies).filter((operation) => operation in operations);

test("every endpoint that takes a body is tried", () => {
  const aliases = ["POST /v1/reranking", "POST /rerank", "POST /reranking"];
  const withoutBody = /^(GET|HEAD) |\/api\/(push|create|blobs)|^DELETE \/v1/;
  const others = Object.keys(operations).filter((one) => !withoutBody.test(one) && !aliases.includes(one));
  expect(others.sort()).toEqual([...ofNode].sort());
});

test(
  "a node answers any body without a fault",
  () => holds(requests(ofNode), (asked) => check(urlOf(node), asked), { runs: 500 }),
  fuzzTimeoutMs,
);

test(
  "a router answers any body without a fault",
  () => holds(requests(Object.keys(bodies)), (asked) => check(urlOf(router), asked), { runs: 500 }),
  fuzzTimeoutMs,
);

test.each([
  [
    "POST /v1/chat/completions",
    { model, messages: [{ role: "user", content: "a" }], response_format: { type: "json_schema" } },
  ],
  ["POST /api/router/tokens", { expires_in: [[{ toString: null }]] }],
  ["POST /api/generate", { model, prompt: "a", template: "{{ if __proto__ .Prompt }}x{{ end }}" }],
  ["POST /api/chat", { model, keep_alive: "9".repeat(320) }],
])("%s: a body that was once a fault", async (operation, body) => {
  for (const base of operation in operations ? [urlOf(node), urlOf(router)] : [urlOf(router)])
    await check(base, { operation, body: encode(body) });
});

test.each(["/v1/responses/%", "/api/router/nodes/%25", "/api/router/keys/%ff"])(
  "%s: a path that was once a fault",
  async (path) => {
    for (const base of [urlOf(node), urlOf(router)])
      expect((await fetch(base + path, { method: "DELETE", headers })).status).toBe(404);
  },
);

const paths = fc.oneof(
  fc.constantFrom(
    "/v1/models/",
    "/v1/responses/",
    "/api/router/nodes/",
    "/api/router/tokens/",
    "/api/router/keys/",
    "/dashboard/",
    "/api/blobs/",
    "/api/router/activity?span=",
    "/",
  ),
);

test(
  "any path is found or not",
  () =>
    holds(
      fc.tuple(
        fc.constantFrom("GET", "DELETE", "POST", "HEAD", "PUT", "OPTIONS"),
        paths,
        fc.oneof(
          nastyText.map(encodeLoosely),
          fc.constantFrom("%", "%ff", "%00", "%2e%2e%2f", "..%5c", "a/drain", "__proto__"),
        ),
      ),
      async ([method, path, rest]) => {
        for (const base of [urlOf(node), urlOf(router)]) {
          const response = await fetch(base + path + rest, { method, headers });
          if (response.status === 500)
            throw new Error(`${method} ${path + rest}: ${await response.text()}\n${logged.join("\n")}`);
          await response.text();
        }
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);

/** Percent signs stay, so that broken escapes come through. */
const encodeLoosely = (text: string): string => encodeURIComponent(text.toWellFormed()).replaceAll("%25", "%");
