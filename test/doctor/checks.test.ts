import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../src/config/config.ts";
import { describeSpace } from "../../src/doctor/checks/disk.ts";
import { checkHub } from "../../src/doctor/checks/hub.ts";
import { describeMachine } from "../../src/doctor/checks/machine.ts";
import { describeLimit } from "../../src/doctor/checks/open-files.ts";
import { describeStore } from "../../src/doctor/checks/store.ts";
import { hideSecrets } from "../../src/doctor/hide-secrets.ts";
import { readSettings } from "../../src/doctor/read-settings.ts";
import type { StoreHealth } from "../../src/store/check-store.ts";

const home = { HOME: "/home/u" };

describe("settings", () => {
  test("what cannot be understood is told, each of it, and the rest is read", () => {
    const env = { ...home, LLMLB_GPU: "amd", LLMLB_STALL_TIMEOUT: "soon", LLMLB_MAX_QUEUE: "7" };
    const { config, found } = readSettings(env);
    expect(config.maxQueue).toBe(7);
    expect(config.gpu).toBeUndefined();
    expect(found).toEqual([
      { level: "ok", text: "LLMLB_GPU=amd, LLMLB_STALL_TIMEOUT=soon, LLMLB_MAX_QUEUE=7" },
      expect.objectContaining({ level: "problem", text: expect.stringContaining('invalid LLMLB_GPU "amd"') }),
      expect.objectContaining({ level: "problem", text: expect.stringContaining("invalid LLMLB_STALL_TIMEOUT") }),
    ]);
  });

  test("a name that is none of ours is probably a slip", () => {
    const { found } = readSettings({ ...home, LLMLB_HOTS: "box" });
    expect(found.at(-1)).toEqual({
      level: "warning",
      text: "LLMLB_HOTS is set, but is no setting of llmlb",
      advice: "did you mean LLMLB_HOST?",
    });
  });

  test("secrets are told to be set, and hidden wherever they turn up", () => {
    const env = { ...home, HF_TOKEN: "hf_secret", LLMLB_API_KEY: "hf_secret_long", https_proxy: "http://me:pw@box:1" };
    const { found, config } = readSettings(env);
    expect(found[0]?.text).toBe("LLMLB_API_KEY is set, HF_TOKEN is set, HTTPS_PROXY is set");
    const hide = hideSecrets(env, config);
    const text = "hf_secret_long, hf_secret and http://me:pw@box:1 and ftp://you:too@host/x";
    expect(hide({ check: "x", level: "ok", text, advice: "not hf_secret" })).toEqual({
      check: "x",
      level: "ok",
      text: "***, *** and *** and ftp://***@host/x",
      advice: "not ***",
    });
  });
});

describe("machine", () => {
  const cpu = { name: "CPU", description: "A CPU", kind: "cpu" as const, totalBytes: 16e9, freeBytes: 8e9, used: true };
  const gpu = { name: "GPU0", description: "A GPU", kind: "gpu" as const, totalBytes: 24e9, freeBytes: 20e9 };
  const refused = [{ backend: "cuda" as const, reason: "no driver" }];

  test("no GPU and no libraries for one is all right", () => {
    const found = describeMachine({ backend: "cpu", devices: [cpu], refused }, new Set());
    expect(found.map(({ level }) => level)).toEqual(["ok", "ok"]);
    expect(found[0]?.text).toBe("computing on cpu: A CPU, 8.0 GB of 16 GB free".replace("8.0", "8"));
  });

  test("libraries that are there and do not work, and a GPU that idles, are warnings", () => {
    const devices = [cpu, { ...gpu, used: false }];
    const found = describeMachine({ backend: "cpu", devices, refused }, new Set(["cuda"]));
    expect(found.map(({ level, text }) => [level, text]).slice(1)).toEqual([
      ["warning", "cuda is not used: no driver"],
      ["warning", "A GPU is not computed on"],
    ]);
  });

  test("with a GPU, that is what computes", () => {
    const found = describeMachine({ backend: "cuda", devices: [{ ...gpu, used: true }, cpu], refused: [] }, new Set());
    expect(found).toEqual([{ level: "ok", text: "computing on cuda: A GPU, 20 GB of 24 GB free" }]);
  });
});

describe("store", () => {
  const whole: StoreHealth = {
    models: 1,
    sizeBytes: 2e9,
    broken: [],
    damaged: [],
    danglingAliases: [],
    unfinished: [],
    unusedFiles: 0,
    unusedBytes: 0,
  };

  test("whole, and verified to be", () => {
    expect(describeStore(whole, false)).toEqual([{ level: "ok", text: "1 model, 2 GB" }]);
    expect(describeStore(whole, true)[0]?.text).toBe("1 model, 2 GB, every byte as it was downloaded");
  });

  test("a file that is missing is pulled again, one that changed is deleted first", () => {
    const damaged = ["is missing", "has changed since it was verified"].map((state) => ({
      model: "org/a",
      file: "a.gguf",
      path: "/b/x",
      state,
    }));
    expect(describeStore({ ...whole, damaged }, true).slice(1)).toEqual([
      { level: "problem", text: "a.gguf of org/a is missing", advice: "pull it again: llmlb node pull org/a" },
      {
        level: "problem",
        text: "a.gguf of org/a has changed since it was verified",
        advice: "delete /b/x, then pull it again",
      },
    ]);
    expect(describeStore({ ...whole, damaged }, true)[0]?.text).not.toContain("every byte");
  });
});

test.each<[number, string]>([
  [100e9, "ok"],
  [1e9, "warning"],
  [1e6, "problem"],
])("%p bytes of disk: %p", (bytes, level) => expect<string>(describeSpace("/m", bytes).level).toBe(level));

test.each<[string, string]>([
  ["unlimited", "ok"],
  ["65536", "ok"],
  ["1024", "warning"],
])("%p open files: %p", (soft, level) => expect<string>(describeLimit(soft).level).toBe(level));

describe("hub", () => {
  const ask = async (env: Record<string, string>, answer: (request: Request) => Response, offline = false) => {
    const seen: { path: string; token: string | null }[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        seen.push({ path: new URL(request.url).pathname, token: request.headers.get("authorization") });
        return answer(request);
      },
    });
    const all = { ...home, HF_ENDPOINT: `http://127.0.0.1:${server.port}`, ...env };
    try {
      const found = await checkHub({ env: all, config: loadConfig(all), offline, verify: false });
      return { found: found[0], asked: seen.map(({ path }) => path), token: seen[0]?.token };
    } finally {
      await server.stop(true);
    }
  };

  test.each<[string, number, object, string, RegExp]>([
    ["hf_x", 200, { name: "me" }, "ok", /takes the token of me$/],
    ["hf_x", 401, {}, "problem", /does not accept the token$/],
    ["hf_x", 404, {}, "ok", /cannot say/],
    ["hf_x", 500, {}, "warning", /status 500$/],
    ["", 200, {}, "ok", /answers; no token$/],
    ["", 503, {}, "warning", /status 503$/],
  ])("token %p, answer %p %p: %p", async (token, status, body, level, text) => {
    const { found, token: sent } = await ask({ HF_TOKEN: token }, () => Response.json(body, { status }));
    expect<string | undefined>(found?.level).toBe(level);
    expect(found?.text).toMatch(text);
    expect(sent).toBe(token ? `Bearer ${token}` : null);
  });

  test.each<[Record<string, string>, boolean]>([
    [{ HF_HUB_OFFLINE: "1" }, false],
    [{}, true],
  ])("nobody is asked with %p, --offline %p", async (env, offline) => {
    const { found, asked } = await ask(env, () => new Response(), offline);
    expect([found?.level, asked]).toEqual(["ok", []]);
  });

  test("one that cannot be reached is a problem with a reason", async () => {
    const { found } = await ask({ HF_ENDPOINT: "http://127.0.0.1:1" }, () => new Response());
    expect(found).toMatchObject({
      level: "problem",
      text: "cannot reach http://127.0.0.1:1: the connection was refused",
    });
    expect((await ask({ HF_ENDPOINT: "hub" }, () => new Response())).found?.level).toBe("problem");
  });
});
