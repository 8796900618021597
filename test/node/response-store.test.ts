import { expect, test } from "bun:test";
import { emptyResponse } from "../../src/dialect/responses-response.ts";
import { createResponseStore } from "../../src/node/response-store.ts";

const stored = (id: string, content = "x") => ({
  response: emptyResponse({ model: "m" }, id, 0),
  messages: [{ role: "user" as const, content }],
});

test("what was put is found, until it is removed", () => {
  const store = createResponseStore();
  store.put(stored("a"));
  expect(store.find("a")?.messages).toEqual([{ role: "user", content: "x" }]);
  expect([store.remove("a"), store.remove("a"), store.find("a")]).toEqual([true, false, undefined]);
});

test("a thousand are kept, those used last", () => {
  const store = createResponseStore();
  for (let number = 0; number < 1000; number++) store.put(stored(String(number)));
  store.find("0");
  store.put(stored("new"));
  expect([store.find("0"), store.find("1"), store.find("new")].map(Boolean)).toEqual([true, false, true]);
});

test("their text is bounded", () => {
  const store = createResponseStore();
  const large = "x".repeat(30 * 1024 * 1024);
  for (const id of ["a", "b", "c"]) store.put(stored(id, large));
  expect(["a", "b", "c"].map((id) => Boolean(store.find(id)))).toEqual([false, true, true]);
});

test("a picture counts as its file", () => {
  const store = createResponseStore();
  const image = { type: "image" as const, data: new Uint8Array(30 * 1024 * 1024) };
  const message = { role: "user" as const, content: [image] };
  for (const id of ["a", "b", "c"]) store.put({ ...stored(id), messages: [message] });
  expect(["a", "b", "c"].map((id) => Boolean(store.find(id)))).toEqual([false, true, true]);
});
