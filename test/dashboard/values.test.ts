import { expect, test } from "bun:test";
import type { RecentRequest } from "../../src/api/router.ts";
import { type Turn, toMessages, withChunk } from "../../src/dashboard/chat-turn.ts";
import { errorText } from "../../src/dashboard/error-text.ts";
import { nodeNames } from "../../src/dashboard/node-names.ts";
import { pagesOf, roleOf } from "../../src/dashboard/role.ts";
import { pageOf } from "../../src/dashboard/route.ts";
import { areaPath, latest, linePath, most, niceMax, toSeries } from "../../src/dashboard/series.ts";
import { tokensPerSecond } from "../../src/dashboard/speed.ts";

test("series are per second and end before the bucket that is not over", () => {
  const series = toSeries({
    bucket_seconds: 5,
    last_bucket_at: "",
    buckets: [
      { requests: 10, errors: 5, first_byte_p50_ms: 20, first_byte_p95_ms: 90, tokens: 100 },
      { requests: 0, errors: 0, tokens: 0 },
      { requests: 99, errors: 99, tokens: 99 },
    ],
    requests: [],
  });
  expect(series).toEqual({
    requests: [2, 0],
    errors: [1, 0],
    firstByteP50Ms: [20, undefined],
    firstByteP95Ms: [90, undefined],
    tokens: [20, 0],
  });
});

test("the top of an axis is a round number", () => {
  expect([[0], [0.3], [1], [7], [12], [200], [2001]].map((values) => niceMax(values))).toEqual([
    1, 0.5, 1, 10, 20, 200, 5000,
  ]);
  expect(niceMax([undefined])).toBe(1);
});

test("lines have gaps where there is nothing, and dots where a value is alone", () => {
  const plane = { width: 40, height: 10, max: 10 };
  expect(linePath([0, 10, undefined, 5, undefined], plane)).toBe("M0 10L10 0M30 5h0");
  expect(linePath([20, 0], plane)).toBe("M0 0L40 10"); // never above the top
  expect(linePath([], plane)).toBe("");
  expect(areaPath([10, 0], plane)).toBe("M0 0L40 10V10H0Z");
  expect([latest([1, 2, undefined]), latest([]), most([1, undefined, 3]), most([])]).toEqual([2, undefined, 3, 0]);
});

test("pages by the part of the address after #", () => {
  expect(["", "#/models", "#/chat", "#/nothing", "#main"].map(pageOf)).toEqual([
    ...["overview", "models", "chat", "overview", "overview"],
  ] as never);
});

test("what a key may do is seen from what it is refused", () => {
  const roles = [
    { read: 200, admin: 200 },
    { read: 200, admin: 403 },
    { read: 200, admin: 401 }, // no key where one is only needed to change something
    { read: 403, admin: 403 },
    { read: 401, admin: 401 },
  ].map(roleOf);
  expect(roles).toEqual(["admin", "reader", "reader", "chat", "none"]);
  expect(roles.map((role) => pagesOf[role].includes("access"))).toEqual([true, false, false, false, false]);
});

test("nodes of one name are told apart", () => {
  const names = nodeNames([
    { id: "a", url: "http://10.0.0.1:32769", name: "box" },
    { id: "b", url: "http://10.0.0.2:32769", name: "box" },
    { id: "c", url: "http://10.0.0.3:11434" },
    { id: "d", url: "https://example:8000" },
  ]);
  expect([...names.values()]).toEqual(["box (a)", "box (b)", "10.0.0.3:11434", "https://example:8000"]);
});

test("errors of every dialect in one line", () => {
  expect(errorText('{"error":"no such model"}', "Not Found")).toBe("no such model");
  expect(errorText('{"error":{"message":"busy","type":"x"}}', "")).toBe("busy");
  expect(errorText('{"type":"error","error":{"message":"m"}}', "")).toBe("m");
  for (const body of ["", "<html>", "[]", '{"error":{}}']) expect(errorText(body, "Bad Gateway")).toBe("Bad Gateway");
});

test("the speed of an answer after its first token", () => {
  const request = { first_byte_ms: 500, duration_ms: 2500, tokens: 101 } as RecentRequest;
  expect(tokensPerSecond(request)).toBe(50);
  const { tokens: _, ...unknown } = request;
  expect(tokensPerSecond(unknown)).toBeUndefined();
  expect(tokensPerSecond({ ...request, tokens: 1 })).toBeUndefined();
  expect(tokensPerSecond({ ...request, duration_ms: 510 })).toBeUndefined();
});

test("a conversation is told again without what failed and what was only thought", () => {
  const turns: Turn[] = [
    { role: "user", content: "hello" },
    { role: "assistant", content: "hi", reasoning: "they greet" },
    { role: "user", content: "", images: ["data:image/png;base64,AA"] },
    { role: "assistant", content: "part", failed: true },
    { role: "assistant", content: "" },
  ];
  expect(toMessages(turns)).toEqual([
    { role: "user", content: "hello" },
    { role: "assistant", content: "hi" },
    { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] },
  ]);
});

test("an answer grows piece by piece", () => {
  const pieces = [
    { reasoning_content: "hm" },
    { reasoning: "." },
    { content: "A" },
    { content: null },
    { content: "B" },
  ];
  const grown = pieces.reduce<Turn>((turn, delta) => withChunk(turn, { choices: [{ delta }] }), {
    role: "assistant",
    content: "",
  });
  expect(grown).toEqual({ role: "assistant", content: "AB", reasoning: "hm." });
  expect(withChunk(grown, { choices: [], usage: { completion_tokens: 3 } })).toEqual(grown);
});
