import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { complete } from "../../../src/cli/complete/complete.ts";
import { openContext } from "../../../src/cli/open-context.ts";
import { type FakeNode, type FakeRoute, startFakeNode } from "../../fakes/fake-node.ts";
import { memoryOutput } from "../../fakes/memory-output.ts";

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "llmlb-complete-"));
});
afterAll(() => rmSync(home, { recursive: true }));

/** Nobody is waited for so long that a busy machine would change what comes. */
const patient = { localMs: 30_000, remoteMs: 30_000 };

const ask = async (words: string[], node: FakeNode | undefined, patience = patient) => {
  const stdout = memoryOutput();
  const host = node?.host ?? "127.0.0.1:1";
  const context = openContext({ HOME: home, OLLAMA_MODELS: join(home, "none"), LLMLB_HOST: host });
  expect(await complete(words, { ...context, stdout }, patience)).toBe(0);
  return stdout.text;
};

const route =
  (body: object): FakeRoute =>
  () =>
    Response.json(body);

describe("names", () => {
  test("of models, the short ones first, in any letter case", async () => {
    const models = [
      { name: "org/a:Q8_0", size: 1e9, aliases: ["a"] },
      { name: "org/b", size: 2e9 },
    ];
    await using node = startFakeNode({ "GET /api/tags": route({ models }) });
    expect(await ask(["2", "node", "run", ""], node)).toBe("a\t1 GB\norg/a:Q8_0\t1 GB\norg/b\t2 GB\n");
    expect(await ask(["2", "node", "run", "ORG/A"], node)).toBe("org/a:Q8_0\t1 GB\n");
    expect(await ask(["2", "node", "run"], node)).toStartWith("a\t");
  });

  test("of loaded models for stop, of nodes for drain", async () => {
    await using node = startFakeNode({
      "GET /api/ps": route({ models: [{ name: "org/a", size: 1e9 }] }),
      "GET /api/router/nodes": route({ nodes: [{ id: "f4hn8c", url: "http://10.0.0.1:1" }] }),
    });
    expect(await ask(["2", "node", "stop", ""], node)).toBe("org/a\t1 GB\n");
    expect(await ask(["2", "router", "drain", ""], node)).toBe("f4hn8c\thttp://10.0.0.1:1\n");
  });

  test("that a shell would read as more than a word are left out", async () => {
    const models = ["$(reboot)", "a;b", "-rf", "a b", "a\nb", "`x`", "org/ok"].map((name) => ({ name, size: 1 }));
    await using node = startFakeNode({ "GET /api/tags": route({ models }) });
    expect(await ask(["2", "node", "run", ""], node)).toBe("org/ok\t1 B\n");
  });
});

describe("nothing, and no error", () => {
  test("where the node is silent, and the store is empty", async () => {
    const ended = Promise.withResolvers<Response>();
    await using node = startFakeNode({ "GET /api/tags": () => ended.promise });
    expect(await ask(["2", "node", "run", ""], node, { localMs: 1, remoteMs: 1 })).toBe("");
    ended.resolve(new Response());
  });

  test.each([
    [["2", "node", "stop", ""]],
    [["2", "router", "drain", ""]],
    [["1", "nonsense"]],
    [["2", "node", "nonsense"]],
  ])("for %p where nobody answers", async (words) => expect(await ask(words, undefined)).toBe(""));
});

test("a description is one line", async () => {
  await using node = startFakeNode({
    "GET /api/router/nodes": route({ nodes: [{ id: "abc", url: "http://a\nevil\tb\u001b[2J" }] }),
  });
  expect(await ask(["2", "router", "remove", ""], node)).toBe("abc\thttp://a evil b[2J\n");
});
