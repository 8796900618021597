import { expect, test } from "bun:test";
import { hubHarness, smallModel } from "./harness.ts";

const files = [{ path: "model-Q8_0.gguf", content: smallModel }];

const refusals: {
  title: string;
  repository?: object;
  name?: string;
  token?: string;
  expected: (host: string, endpoint: string) => string;
}[] = [
  {
    title: "gated, no token",
    repository: { gated: "manual" },
    expected: (_, endpoint) =>
      `gated: model "org/name" is gated: accept its license at ${endpoint}/org/name, then set HF_TOKEN to a token of that account`,
  },
  {
    title: "gated, token without access",
    repository: { gated: "manual" },
    token: "hf_other",
    expected: (_, endpoint) =>
      `gated: model "org/name" is gated and the account of HF_TOKEN has no access to it: ask for access at ${endpoint}/org/name`,
  },
  {
    title: "private, no token",
    repository: { private: true },
    expected: (host) => `model_not_found: model "org/name" not found on ${host} (or it is private: set HF_TOKEN)`,
  },
  {
    title: "private, token without access",
    repository: { private: true },
    token: "hf_other",
    expected: (host) =>
      `model_not_found: model "org/name" not found on ${host} (or it is private and HF_TOKEN has no access to it)`,
  },
  {
    title: "missing",
    name: "org/nothing",
    expected: (host) => `model_not_found: model "org/nothing" not found on ${host} (or it is private: set HF_TOKEN)`,
  },
  {
    title: "a token that the Hub does not know",
    token: "hf_wrong",
    expected: (host) =>
      `unauthorized: ${host} does not accept the token: check HF_TOKEN, or the file that "hf auth login" wrote`,
  },
  {
    title: "disabled",
    repository: { disabled: true },
    expected: (host) => `forbidden: model "org/name" is disabled on ${host}`,
  },
  {
    title: "unknown revision",
    name: "org/name@v9",
    expected: (host) => `not_found: revision "v9" of "org/name" not found on ${host}`,
  },
  {
    title: "unknown file",
    name: "org/name:other.gguf",
    expected: () => `not_found: file "other.gguf" not found in "org/name"; it has Q8_0`,
  },
  {
    title: "unknown quantization",
    name: "org/name:Q2_K",
    expected: () => `model_not_found: model "org/name" has no quantization "Q2_K"; it has Q8_0`,
  },
];

for (const { title, repository, name = "org/name", token, expected } of refusals) {
  test(`refused at once, nothing written: ${title}`, async () => {
    await using hub = hubHarness({ repositories: [{ id: "org/name", files, ...repository }], tokens: ["hf_other"] });
    const { endpoint } = hub.fixture;
    const message = await hub.failure(name, token === undefined ? {} : { settings: { token } });
    expect(message).toBe(expected(new URL(endpoint).host, endpoint));
    expect(hub.files()).toEqual([]);
    expect(hub.fixture.requests.length).toBeLessThanOrEqual(2);
  });
}

test("gated without a token asks for metadata only", async () => {
  await using hub = hubHarness({ repositories: [{ id: "org/name", files, gated: "auto" }] });
  await hub.failure("org/name");
  expect(hub.fixture.requests.map(({ door }) => door)).toEqual(["api"]);
});

test("a file that disappears between metadata and download is named", async () => {
  await using hub = hubHarness({ repositories: [{ id: "org/name", files }] });
  hub.fixture.inject({ on: "resolve", status: 404, headers: { "x-error-code": "EntryNotFound" } });
  expect(await hub.failure("org/name")).toMatch(/^not_found: file "model-Q8_0.gguf" not found in "org\/name" on 127/);
});

test("an endpoint that nothing listens on is named", async () => {
  await using hub = hubHarness({ repositories: [] });
  const { endpoint } = hub.fixture;
  hub.fixture.stop();
  expect(await hub.failure("org/name")).toBe(`hub_unavailable: cannot reach ${endpoint}: the connection was refused`);
  expect(hub.files()).toEqual([]);
});

test("a page that is no Hub's answer is recognized", async () => {
  using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>Please log in</html>") });
  await using hub = hubHarness({ repositories: [] });
  const endpoint = `http://127.0.0.1:${server.port}`;
  expect(await hub.failure("org/name", { settings: { endpoint } })).toBe(
    `hub_unavailable: ${endpoint} does not answer as a Hugging Face Hub; check HF_ENDPOINT`,
  );
});

test("server errors and rate limits of the API are waited for, as long as the server says, and then told", async () => {
  await using hub = hubHarness({ repositories: [{ id: "org/name", files }] });
  hub.fixture.inject({ on: "api", status: 503, times: 1 });
  const limited = hub.fixture.inject({
    on: "api",
    status: 429,
    headers: { ratelimit: '"api";r=0;t=55' },
    after: 1,
    times: 1,
  });
  await hub.pull("org/name");
  expect(limited.hits).toBe(1);
  expect(hub.lines.filter((line) => line.includes("status 429; trying again in 55000 ms"))).toHaveLength(1);
  hub.fixture.inject({ on: "api", status: 429, headers: { "retry-after": "3" } });
  expect(await hub.failure("org/name")).toMatch(
    /^rate_limited: 127.0.0.1:\d+ limits the rate of requests; try again later, or set HF_TOKEN/,
  );
});

test("a repository with only safetensors says what to do", async () => {
  await using hub = hubHarness({
    repositories: [{ id: "org/name", files: [{ path: "model.safetensors", content: "x" }] }],
  });
  expect(await hub.failure("org/name")).toBe(
    'unsupported: model "org/name" has only safetensors files and converting them is not available yet; choose a GGUF repository of this model',
  );
});

test("a model with right bytes that is no usable GGUF is refused and nothing of it stays", async () => {
  const truncated = smallModel.read(0, 2_000_000);
  await using hub = hubHarness({
    repositories: [{ id: "org/name", files: [{ path: "m-Q8_0.gguf", content: truncated }] }],
  });
  expect(await hub.failure("org/name")).toMatch(
    /^corrupt: org\/name\/m-Q8_0.gguf is not a usable GGUF file: tensor "noise" is larger than the file/,
  );
  expect(hub.files()).toEqual([]);
});

test("not enough space is said before the first byte, with what is needed and what is free", async () => {
  await using hub = hubHarness({ repositories: [{ id: "org/name", files }] });
  const disk = {
    freeBytes: async () => 1_200_000,
    open: () => Promise.reject(new Error("nothing may be opened")),
  };
  expect(await hub.failure("org/name", { disk })).toBe(
    `disk_full: not enough disk space for "org/name": 3.1 MB needed (3145728 bytes), 1.2 MB free (1200000 bytes) in ${hub.dir}`,
  );
  expect(hub.files()).toEqual([]);
  expect(hub.fixture.sentBytes()).toBe(0);
});
