import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { loadConfig } from "../../src/config/config.ts";
import { silentLog } from "../../src/core/log.ts";
import { operations } from "../../src/node/openapi-operations.ts";
import { type RunningNode, startNode } from "../../src/node/start.ts";
import { fakeMachine } from "../fakes/fake-machine.ts";
import { fakeRunner } from "../fakes/fake-runner.ts";

interface Operation {
  operationId: string;
  tags?: string[];
  summary?: string;
  parameters?: { name: string }[];
  requestBody?: { content: Record<string, { schema: { required?: string[]; properties: object } }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
}

let dir: string;
let node: RunningNode;
let document: { paths: Record<string, Record<string, Operation>> };

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-openapi-"));
  const config = loadConfig({ HOME: dir, OLLAMA_MODELS: join(dir, "none") }, { port: "0" });
  node = startNode({ config, log: silentLog, machine: fakeMachine(() => fakeRunner()) });
  const response = await fetch(`http://127.0.0.1:${node.address.port}/openapi.json`);
  document = (await response.json()) as typeof document;
});
afterAll(async () => {
  await node.stop(0);
  rmSync(dir, { recursive: true, force: true });
});

const all = () => Object.values(document.paths).flatMap((path) => Object.values(path));

test("the document is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, "3.1"]);
});

test("every route of the node is described, and nothing else", () => {
  expect(all().filter(({ summary, tags }) => !summary || !tags)).toEqual([]);
  expect(all()).toHaveLength(Object.keys(operations).length);
  expect(new Set(all().map(({ operationId }) => operationId)).size).toBe(all().length);
});

test("bodies, parameters and answers are those of the routes", () => {
  const { paths } = document;
  const bodyOf = (path: string) => paths[path]?.post?.requestBody?.content["application/json"]?.schema;
  expect(bodyOf("/v1/chat/completions")).toMatchObject({
    required: ["messages"],
    properties: { messages: { minItems: 1 }, logit_bias: { type: "object" } },
  });
  expect(Object.keys(bodyOf("/api/generate")?.properties ?? {})).toContain("context");
  expect(paths["/v1/models/{model}"]?.get?.parameters).toMatchObject([{ name: "model", in: "path" }]);
  const answersOf = (path: string) => Object.keys(paths[path]?.post?.responses["200"]?.content ?? {});
  expect(answersOf("/api/chat")).toEqual(["application/x-ndjson", "application/json"]);
  expect(answersOf("/v1/messages")).toEqual(["application/json", "text/event-stream"]);
  const errorOf = (path: string) => JSON.stringify(paths[path]?.post?.responses.default);
  expect(errorOf("/api/chat")).toContain("ollamaError");
  expect(errorOf("/v1/rerank")).toContain("openAiError");
  expect(errorOf("/v1/messages")).toContain("anthropicError");
});
