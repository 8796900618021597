import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startHubFixture } from "../../scripts/fixtures/hub.ts";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { startForwardProxy } from "../fakes/forward-proxy.ts";
import { createWorld, type World } from "./harness.ts";

/** Pulls of the compiled executable from networks that have a proxy or a CA of their own. */
let world: World;
const hello = "llmlb-test/tiny-hello-GGUF";
const hostOf = (url: string) => new URL(url).host;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

let nodes = 0;

/** Starts a node with an empty store in this environment and pulls with the same one, as a user's shell would. */
const pullWith = async (env: Record<string, string>) => {
  nodes++;
  const own = { ...env, LLMLB_MODELS: join(world.dir, `models-${nodes}`) };
  const node = await world.serve(own);
  const result = await world.llmlb(["node", "pull", hello], { env: { ...own, LLMLB_HOST: node.address } });
  node.signal("SIGTERM");
  await node.exited;
  return { ...result, error: result.stderr.trim().split("\n").at(-1), address: hostOf(node.address) };
};

test.each(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])(
  "%s: Hub and content network are reached through it, the node itself is not",
  async (name) => {
    await using proxy = await startForwardProxy();
    const { exitCode, error, address } = await pullWith({ [name]: proxy.url });
    expect([exitCode, error]).toEqual([0, "success"]);
    const { endpoint, contentOrigin } = world.hub;
    expect(new Set(proxy.seen)).toEqual(new Set([`GET ${hostOf(endpoint)}`, `GET ${hostOf(contentOrigin)}`]));
    expect(proxy.seen.filter((entry) => entry.includes(address))).toEqual([]);
  },
);

test.each(["NO_PROXY", "no_proxy"])("%s names hosts that are reached without it", async (name) => {
  await using proxy = await startForwardProxy();
  const { exitCode, error } = await pullWith({ HTTP_PROXY: proxy.url, [name]: "example.org,127.0.0.1" });
  expect([exitCode, error, proxy.seen]).toEqual([0, "success", []]);
});

test("a proxy that is not there is named", async () => {
  const { exitCode, error } = await pullWith({ HTTP_PROXY: "http://user:secret@127.0.0.1:9" });
  expect(error).toBe(
    `Error: cannot reach ${world.hub.endpoint} through the proxy 127.0.0.1:9: the connection was refused`,
  );
  expect(exitCode).toBe(1);
});

test("a proxy that wants a login says how to give it one", async () => {
  await using proxy = await startForwardProxy({ status: 407 });
  const { exitCode, error } = await pullWith({ HTTP_PROXY: proxy.url });
  expect(error).toBe(
    `Error: the proxy ${hostOf(proxy.url)} wants a login: put it into the proxy's address, as in http://user:password@host:port`,
  );
  expect(exitCode).toBe(1);
});

test("Xet's reader is in the executable and uses the proxy too", async () => {
  await using proxy = await startForwardProxy();
  using hub = secondHub({ xet: true, lfs: true });
  hub.fixture.inject({ on: "cdn", status: 403 });
  const { exitCode, error } = await pullWith({ HTTP_PROXY: proxy.url, HF_ENDPOINT: hub.fixture.endpoint });
  expect([exitCode, error]).toEqual([0, "success"]);
  const doors = hub.fixture.requests.map(({ door }) => door);
  expect(doors).toContain("xet");
  expect(proxy.seen).toHaveLength(doors.length);
});

// A certificate that no system trusts can only be made by openssl here; its file is then the CA file.
const withTls = test.skipIf(!Bun.which("openssl"));

withTls("a Hub with an unknown certificate is refused, and the message says what to set", async () => {
  using hub = tlsHub();
  const { exitCode, error } = await pullWith({ HF_ENDPOINT: hub.endpoint });
  expect(error).toBe(
    `Error: cannot reach ${hub.endpoint}: self signed certificate; ` +
      "name the file of your network's CA certificates in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS",
  );
  expect(exitCode).toBe(1);
});

for (const name of ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"]) {
  withTls(`${name} makes it trusted`, async () => {
    using hub = tlsHub();
    const { exitCode, error } = await pullWith({ HF_ENDPOINT: hub.endpoint, [name]: hub.certificate });
    expect([exitCode, error]).toEqual([0, "success"]);
  });
}

for (const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
  withTls(`${name}: https goes through a tunnel, with the CA of the network`, async () => {
    using hub = tlsHub();
    await using proxy = await startForwardProxy();
    const { exitCode, error } = await pullWith({
      HF_ENDPOINT: hub.endpoint,
      SSL_CERT_FILE: hub.certificate,
      [name]: proxy.url,
    });
    expect([exitCode, error]).toEqual([0, "success"]);
    expect(new Set(proxy.seen)).toEqual(new Set([`CONNECT ${hostOf(hub.endpoint)}`]));
  });
}

withTls("a proxy that refuses the tunnel is named with its reason", async () => {
  using hub = tlsHub();
  await using proxy = await startForwardProxy({ status: 403 });
  const { exitCode, error } = await pullWith({ HF_ENDPOINT: hub.endpoint, HTTPS_PROXY: proxy.url });
  expect(error).toBe(
    `Error: cannot reach ${hub.endpoint} through the proxy ${hostOf(proxy.url)}: the proxy refused the connection (403 Refused)`,
  );
  expect(exitCode).toBe(1);
});

const secondHub = ({ xet = false, lfs }: { xet?: boolean; lfs: boolean }) => {
  const files = [{ path: "tiny-hello-Q4_K_M.gguf", content: buildModel("tiny-hello", "Q4_K_M"), lfs }];
  const fixture = startHubFixture({ repositories: [{ id: hello, files }], xet });
  return { fixture, [Symbol.dispose]: () => fixture.stop() };
};

/** The fixture behind https with a certificate that only its own file vouches for. It gives the bytes itself: no second origin. */
const tlsHub = () => {
  const { fixture } = secondHub({ lfs: false });
  const { certificate, key } = makeCertificate();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") },
    fetch: ({ url, headers }) => {
      const { pathname, search } = new URL(url);
      const passed = new Headers(headers);
      passed.delete("host");
      return fetch(fixture.endpoint + pathname + search, { headers: passed, redirect: "manual" });
    },
  });
  return {
    endpoint: `https://localhost:${server.port}`,
    certificate,
    [Symbol.dispose]() {
      void server.stop(true);
      fixture.stop();
    },
  };
};

const makeCertificate = () => {
  const dir = join(world.dir, "tls");
  const [certificate, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "openssl.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n"); // the system's may be missing
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", join(dir, "openssl.cnf")];
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const { success, stderr } = Bun.spawnSync(["openssl", ...args, ...names, "-keyout", key, "-out", certificate]);
  if (!success) throw new Error(stderr.toString());
  return { certificate, key };
};
