import { afterAll, expect, test } from "bun:test";
import { AppError } from "../../src/core/errors.ts";
import { silentLog } from "../../src/core/log.ts";
import { createApp } from "../../src/http/create-app.ts";
import { directRoutes } from "../../src/http/direct.ts";
import { listen } from "../../src/http/listen.ts";

const logged: string[] = [];
const log = {
  ...silentLog,
  verbose: true,
  debug: (line: string) => logged.push(line),
  error: (line: string) => logged.push(line),
};
const edge = { log, hostname: "127.0.0.1", origins: ["https://a.example"], apiKey: "secret" };
const app = createApp(edge);
app.post("/other", () => "Elysia's");
const direct = directRoutes(
  {
    "/v1/echo": async (request) => new Response(await request.text(), { headers: [["x-own", "1"]] }),
    "/v1/busy": async () => {
      throw new AppError("busy", "later");
    },
    "/v1/broken": async () => {
      throw new TypeError("x is not a function");
    },
  },
  edge,
);
const server = listen(app, "127.0.0.1", 0, { direct });
afterAll(() => server.stop(true));

const post = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, {
    method: "POST",
    headers: { authorization: "Bearer secret", ...headers },
    body: "hello",
  });

test("a direct route answers, with a slash at its end too; others are Elysia's", async () => {
  for (const path of ["/v1/echo", "/v1/echo/", "/v1/echo?a=b"]) {
    const response = await post(path);
    expect([response.status, response.headers.get("x-own"), await response.text()]).toEqual([200, "1", "hello"]);
  }
  expect(await (await post("/other")).text()).toBe("Elysia's");
  const get = await fetch(`http://127.0.0.1:${server.port}/v1/echo`, { headers: { authorization: "Bearer secret" } });
  expect(get.status).toBe(404);
});

test.each([
  ["no key", { authorization: "" }, 401],
  ["another's page", { origin: "https://b.example" }, 403],
  ["another host", { host: "b.example" }, 403],
])("%s is refused as anywhere", async (_what, headers, status) => {
  expect((await post("/v1/echo", headers)).status).toBe(status);
});

test("a page that may ask may read what it is told, errors too", async () => {
  for (const path of ["/v1/echo", "/v1/busy"]) {
    const { headers } = await post(path, { origin: "https://a.example" });
    expect(headers.get("access-control-allow-origin")).toBe("https://a.example");
  }
});

test("what a handler throws is told in the path's dialect; what nobody foresaw is logged", async () => {
  const busy = await post("/v1/busy");
  expect([busy.status, busy.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await busy.json()).toMatchObject({ error: { message: "later", code: "busy" } });
  logged.length = 0;
  expect((await post("/v1/broken")).status).toBe(500);
  expect(logged[0]).toStartWith("POST /v1/broken: TypeError: x is not a function");
  expect(logged.at(-1)).toBe("POST /v1/broken 500");
});
