import { expect, test } from "bun:test";
import { silentLog } from "../../src/core/log.ts";
import { listTree } from "../../src/hub/list-tree.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const repository = { org: "org", name: "name", commit: "main" };

/** What is made of a mirror's answer to the question for its files. */
const listOf = async (body: string) => {
  await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(body) });
  const settings = { endpoint: `http://127.0.0.1:${server.port}`, offline: false };
  const { signal } = new AbortController();
  return await listTree({ settings, clock: manualClock(), log: silentLog, signal }, repository);
};

test.each(["null", "{}", "3", "<html>", ""])("%j is no list of files", async (body) => {
  await expect(listOf(body)).rejects.toThrow(/does not list files as a Hugging Face Hub does$/);
});

test("entries that are none are left out", async () => {
  const entries = [
    null,
    3,
    {},
    { type: "file", path: 5 },
    { type: "file", path: "a/../b" },
    { type: "file", path: "\ud800" },
  ];
  const file = { type: "file", path: "model.gguf", size: 3, oid: "x" };
  expect(await listOf(JSON.stringify([...entries, file]))).toEqual([{ path: "model.gguf", sizeBytes: 3 }]);
});
