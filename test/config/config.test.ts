import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAddress } from "../../src/config/address.ts";
import { loadConfig } from "../../src/config/config.ts";

const home = { HOME: "/home/u" };

test("a login in an address is refused, and not repeated", () =>
  expect(() => parseAddress("http://u:secret@box", 1, "LLMLB_HOST")).toThrow('invalid LLMLB_HOST "http://***@box"'));

test("a login in HF_ENDPOINT is kept apart from what stands in messages and manifests", () => {
  const { hub } = loadConfig({ ...home, HF_ENDPOINT: "https://me:p%40ss@mirror:8443/hub/" });
  expect(hub).toMatchObject({ endpoint: "https://mirror:8443/hub", login: "me:p@ss" });
});

test("an address with a line break in it is refused", () =>
  expect(() => parseAddress("http://box/path\n/more", 1, "LLMLB_HOST")).toThrow("white space or control characters"));

test.each<[string, string, number, string]>([
  ["127.0.0.1", "127.0.0.1", 32769, "http://127.0.0.1:32769"],
  ["box", "box", 32769, "http://box:32769"],
  ["box:80", "box", 80, "http://box:80"],
  [":8080", "127.0.0.1", 8080, "http://127.0.0.1:8080"],
  ["0.0.0.0", "0.0.0.0", 32769, "http://127.0.0.1:32769"],
  ["[::1]:90", "::1", 90, "http://[::1]:90"],
  ["::1", "::1", 32769, "http://[::1]:32769"],
  ["[::]", "::", 32769, "http://[::1]:32769"],
  ["http://box", "box", 80, "http://box:80"],
  ["https://box", "box", 443, "https://box:443"],
  ["https://box:8443/llm/", "box", 8443, "https://box:8443/llm"],
  ["box:9/path", "box", 9, "http://box:9/path"],
  [' "box:9" ', "box", 9, "http://box:9"],
])("LLMLB_HOST %p", (text, hostname, port, baseUrl) =>
  expect(parseAddress(text, 32769, "LLMLB_HOST")).toEqual({ hostname, port, baseUrl }),
);

test.each(["ftp://box", "box:99999", "box:port", "a b", "box:1:2"])("LLMLB_HOST %p is refused", (text) =>
  expect(() => parseAddress(text, 32769, "LLMLB_HOST")).toThrow(`invalid LLMLB_HOST "${text}"`),
);

test.each([
  [undefined, false],
  ["", false],
  ["0", false],
  ["1", true],
  ["true", true],
])("LLMLB_ALLOW_IMAGE_URLS %p", (value, allowed) =>
  expect(loadConfig({ ...home, LLMLB_ALLOW_IMAGE_URLS: value }).allowImageUrls).toBe(allowed),
);

test("defaults", () => {
  const config = loadConfig(home);
  expect(config.node.baseUrl).toBe("http://127.0.0.1:32769");
  expect(config.modelsDir).toBe("/home/u/.llmlb/models");
  expect(config.keepAliveMs).toBe(300_000);
  expect(config.hub).toEqual({
    endpoint: "https://huggingface.co",
    offline: false,
    cacheDir: "/home/u/.cache/huggingface/hub",
  });
});

test("the Hugging Face cache is where huggingface_hub has it", () => {
  const cacheDir = (env: Record<string, string>) => loadConfig({ ...home, ...env }).hub.cacheDir;
  expect(cacheDir({ XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/huggingface/hub");
  expect(cacheDir({ HF_HOME: "/hf" })).toBe("/hf/hub");
  expect(cacheDir({ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" })).toBe("/old");
  expect(cacheDir({ HF_HUB_CACHE: "/new", HUGGINGFACE_HUB_CACHE: "/old" })).toBe("/new");
});

test.each(["1", "ON", "yes", "True"])("HF_HUB_DISABLE_XET=%s switches Xet off", (text) =>
  expect(loadConfig({ ...home, HF_HUB_DISABLE_XET: text }).hub.xetDisabled).toBe(true),
);

test.each<[Record<string, string>, string | undefined]>([
  [{}, undefined],
  [{ HTTPS_PROXY: "http://user:secret@proxy:3128" }, "proxy:3128"],
  [{ HTTP_PROXY: "http://proxy:3128" }, undefined],
  [{ HTTP_PROXY: "http://proxy:3128", HF_ENDPOINT: "http://mirror:8080" }, "proxy:3128"],
  [{ all_proxy: "proxy:3128" }, "proxy:3128"],
  [{ ALL_PROXY: "http://proxy:3128", NO_PROXY: "*" }, undefined],
  [{ ALL_PROXY: "http://proxy:3128", no_proxy: "localhost, .co" }, undefined],
  [{ ALL_PROXY: "http://proxy:3128", NO_PROXY: "face.co,other" }, "proxy:3128"],
  [{ ALL_PROXY: "http://proxy:3128", NO_PROXY: "mirror:8080", HF_ENDPOINT: "http://mirror:8080" }, undefined],
  [{ ALL_PROXY: "http://proxy:3128", NO_PROXY: "10.0.0.0/8", HF_ENDPOINT: "http://10.1.2.3" }, undefined],
])("messages about the Hub name the proxy of %p: %p", (env, proxy) =>
  expect(loadConfig({ ...home, ...env }).hub.proxy).toBe(proxy as string),
);

test.each<[string | undefined, string[]]>([
  [undefined, ["/home/u/.ollama/models", "/usr/share/ollama/.ollama/models"]],
  ["  ", ["/home/u/.ollama/models", "/usr/share/ollama/.ollama/models"]],
  ["/data/ollama", ["/data/ollama"]],
  [' "/data/ollama" ', ["/data/ollama"]],
])("OLLAMA_MODELS=%j", (OLLAMA_MODELS, dirs) =>
  expect(loadConfig({ ...home, OLLAMA_MODELS }).ollamaDirs).toEqual(dirs),
);

test("flags win over LLMLB_HOST", () => {
  const env = { ...home, LLMLB_HOST: "box:1" };
  expect(loadConfig(env, { port: "2" }).node).toMatchObject({ hostname: "box", port: 2 });
  expect(loadConfig(env, { host: "0.0.0.0" }).node).toMatchObject({ hostname: "0.0.0.0", port: 1 });
  expect(loadConfig(env, { host: "::1", port: "0" }).node).toMatchObject({ hostname: "::1", port: 0 });
  expect(() => loadConfig(env, { port: "x" })).toThrow('invalid --port "x"');
});

test.each<[Record<string, string>, string]>([
  [{ LLMLB_KEEP_ALIVE: "soon" }, "invalid LLMLB_KEEP_ALIVE"],
  [{ LLMLB_MAX_QUEUE: "-1" }, 'invalid LLMLB_MAX_QUEUE "-1"'],
  [{ LLMLB_NUM_PARALLEL: "0" }, 'invalid LLMLB_NUM_PARALLEL "0"'],
  [{ LLMLB_GPU: "tpu" }, 'invalid LLMLB_GPU "tpu"'],
])("%p is refused by name", (env, message) => expect(() => loadConfig({ ...home, ...env })).toThrow(message));

test.each<[string | undefined, number]>([
  [undefined, 0],
  ["0", 0],
  ["false", 0],
  ["1", 1],
  ["true", 1],
  ["2", 2],
])("LLMLB_DEBUG=%p is level %d", (value, level) =>
  expect(loadConfig(value === undefined ? home : { ...home, LLMLB_DEBUG: value }).debugLevel).toBe(level as 0 | 1 | 2),
);

test("the Hub token comes from HF_TOKEN, else from its file, trimmed", () => {
  const dir = mkdtempSync(join(tmpdir(), "llmlb-config-"));
  try {
    writeFileSync(join(dir, "token"), "from-file\n");
    expect(loadConfig({ ...home, HF_HOME: dir }).hub.token).toBe("from-file");
    expect(loadConfig({ ...home, HF_HOME: dir, HF_TOKEN: " from-env " }).hub.token).toBe("from-env");
    expect(loadConfig({ ...home, HF_TOKEN_PATH: join(dir, "token") }).hub.token).toBe("from-file");
    expect(loadConfig({ ...home, HF_HOME: join(dir, "absent") }).hub.token).toBeUndefined();
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("HF_ENDPOINT loses its trailing slash, a negative keep-alive means for ever", () => {
  expect(loadConfig({ ...home, HF_ENDPOINT: "https://mirror/" }).hub.endpoint).toBe("https://mirror");
  expect(loadConfig({ ...home, LLMLB_KEEP_ALIVE: "-1" }).keepAliveMs).toBe(Number.POSITIVE_INFINITY);
});

test("a router is reached at LLMLB_ROUTER_HOST, else LLMLB_HOST; it listens only where it is itself meant", () => {
  const hosts = (env: Record<string, string>, flags = {}) => {
    const { router, routerListen } = loadConfig({ ...home, ...env }, flags);
    return [router.baseUrl, routerListen.baseUrl];
  };
  expect(hosts({})).toEqual(["http://127.0.0.1:32768", "http://127.0.0.1:32768"]);
  expect(hosts({ LLMLB_HOST: "box" })).toEqual(["http://box:32768", "http://127.0.0.1:32768"]);
  expect(hosts({ LLMLB_HOST: "box:1", LLMLB_ROUTER_HOST: "big:2" })).toEqual(["http://big:2", "http://big:2"]);
  expect(hosts({ LLMLB_ROUTER_HOST: "big:2" }, { host: "::", port: "3" })).toEqual(["http://big:2", "http://[::1]:3"]);
  expect(() => loadConfig({ ...home, LLMLB_ROUTER_HOST: "a b" })).toThrow('invalid LLMLB_ROUTER_HOST "a b"');
});

test("the router's database, its policy, and who joins", () => {
  expect(loadConfig(home).routerDb).toBe("/home/u/.llmlb/router.db");
  expect(loadConfig({ ...home, LLMLB_ROUTER_DB: "/data/r.db" }).routerDb).toBe("/data/r.db");
  expect(loadConfig(home).policy).toBe("prefix");
  expect(loadConfig(home, { policy: "round-robin" }).policy).toBe("round-robin");
  const env = { ...home, LLMLB_ROUTER_URL: "https://router.example", LLMLB_ADVERTISE: "gpu-box" };
  expect(loadConfig(env).join).toMatchObject({ routerUrl: "https://router.example:443", advertise: "gpu-box" });
});
