import { expect, test } from "bun:test";
import { refuseRequest } from "../../src/http/guard.ts";

const request = (headers: Record<string, string>) => new Request("http://localhost/api/tags", { headers });
const refusal = (headers: Record<string, string>, boundTo = "127.0.0.1") =>
  refuseRequest(request(headers), { hostname: boundTo })?.status;

test.each([["localhost"], ["localhost:32769"], ["127.0.0.1:32769"], ["[::1]:32769"], ["app.localhost"], ["10.0.0.4"]])(
  "host %s reaches a loopback server",
  (host) => expect(refusal({ host })).toBeUndefined(),
);

test.each([["evil.example"], ["localhost.evil.example"], ["127.0.0.1.evil.example:80"]])(
  "host %s is refused by a loopback server (DNS rebinding)",
  (host) => expect(refusal({ host })).toBe(403),
);

test.each([["localhost, evil.example"], [""], ["a b"], ["http://localhost"]])("host %p is malformed", (host) =>
  expect(refusal({ host })).toBe(400),
);

test("a server on the network answers to any well-formed name", () => {
  expect(refusal({ host: "gpu-box.lan:32769" }, "0.0.0.0")).toBeUndefined();
});

test.each([["https://evil.example"], ["null"], ["http://localhost.evil.example"]])("origin %s is refused", (origin) =>
  expect(refusal({ host: "localhost", origin })).toBe(403),
);

test.each([["http://localhost:3000"], ["http://127.0.0.1"], ["http://[::1]:8080"]])("origin %s is allowed", (origin) =>
  expect(refusal({ host: "localhost", origin })).toBeUndefined(),
);

test("a page served from the same host is allowed", () => {
  expect(refusal({ host: "gpu-box.lan", origin: "http://gpu-box.lan:80" }, "0.0.0.0")).toBeUndefined();
});

test("more origins can be allowed, or all", () => {
  const ask = (origins: string[], origin: string) =>
    refuseRequest(request({ host: "localhost", origin }), { hostname: "127.0.0.1", origins })?.status;
  expect(ask(["https://app.example"], "https://app.example")).toBeUndefined();
  expect(ask(["https://app.example"], "https://app.example.evil")).toBe(403);
  expect(ask(["*"], "https://anything.example")).toBeUndefined();
});

test("a key is asked for where there is one, in either header, and never for the health check", () => {
  const ask = (headers: Record<string, string>, path = "/api/tags", method = "GET") =>
    refuseRequest(new Request(`http://localhost${path}`, { method, headers: { host: "localhost", ...headers } }), {
      hostname: "127.0.0.1",
      apiKey: "secret",
    })?.status;
  expect(ask({})).toBe(401);
  expect(ask({ authorization: "Bearer wrong" })).toBe(401);
  expect(ask({ authorization: "secret" })).toBe(401);
  expect(ask({ "x-api-key": "" })).toBe(401);
  expect(ask({ authorization: "Bearer secret" })).toBeUndefined();
  expect(ask({ "x-api-key": "secret" })).toBeUndefined();
  expect(ask({}, "/health")).toBeUndefined();
  expect(ask({}, "/api/tags", "OPTIONS")).toBeUndefined();
});
