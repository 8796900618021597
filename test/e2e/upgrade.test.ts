import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startFixtureHub } from "../../scripts/fixtures/serve.ts";
import { version } from "../../src/core/version.ts";
import { startForwardProxy } from "../fakes/forward-proxy.ts";
import { type InstallWorld, openInstallWorld } from "../fakes/install-world.ts";
import { makeArchive, makeRelease, signingKey } from "../fakes/release.ts";

/** The executable, compiled with a key of this test's, installed by install.sh and upgrading itself. */
let world: InstallWorld;
const key = signingKey();
const root = join(import.meta.dir, "../..");
const onLinux = test.skipIf(process.platform !== "linux" || process.arch !== "x64");

beforeAll(async () => {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  world = await openInstallWorld();
  const outDir = join(world.home, "built");
  const outfile = join(outDir, "llmlb");
  const script =
    'const { buildExecutable } = await import("./build.ts"); await buildExecutable(JSON.parse(process.argv[1]));';
  const options = JSON.stringify({ outDir, embed: false, releaseKeys: key.publicKey });
  const built = Bun.spawnSync([process.execPath, "-e", script, options], { cwd: root, stderr: "inherit" });
  if (built.exitCode !== 0) throw new Error("the executable could not be built");
  const native = join(root, "build/native/linux-x64");
  const release = async (target: string) => {
    const top = `llmlb-${version}-${target}`;
    const libraries = readdirSync(native).map((name) => ({
      name: `${top}/native/linux-x64/${name}`,
      content: readFileSync(join(native, name)),
    }));
    return await makeArchive([{ name: `${top}/llmlb`, content: readFileSync(outfile) }, ...libraries]);
  };
  const target = readFileSync("/proc/cpuinfo", "utf8").includes("avx2") ? "linux-x64" : "linux-x64-baseline";
  const replaced = { [`llmlb-${version}-${target}.tar.gz`]: await release(target) };
  world.server.publish(await makeRelease({ version, key, replaced }));
  const installed = await world.run();
  if (installed.exitCode !== 0) throw new Error(installed.stderr);
  world.server.publish(await makeRelease({ version: "99.0.0", key }));
}, 120_000);
afterAll(() => world?.[Symbol.asyncDispose]());

const link = () => join(world.root, "bin/llmlb");
const stored = () => readdirSync(join(world.root, "lib/llmlb")).sort();

const run = async (command: string[]) => {
  const env = { HOME: world.home, PATH: process.env.PATH, LLMLB_DOWNLOAD_URL: world.server.url };
  const child = Bun.spawn(command, { env, cwd: "/", stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exitCode, error: stderr.trimEnd().split("\n").at(-1) };
};

onLinux("--check tells which is newer, for people and for programs", async () => {
  expect(await run([link(), "upgrade", "--check"])).toMatchObject({
    stdout: `the newest release, 99.0.0 of 2026-01-01, is newer than ${version}; to install it: llmlb upgrade\n`,
    stderr: "",
    exitCode: 0,
  });
  const { stdout } = await run([link(), "upgrade", "--check", "--json"]);
  expect(JSON.parse(stdout)).toEqual({
    installed: version,
    release: "99.0.0",
    newer: true,
    published_at: "2026-01-01T00:00:00.000Z",
  });
  expect((await run([link(), "upgrade", "--check", "--version", version])).stdout).toBe(
    `the release, ${version} of 2026-01-01, is what is installed\n`,
  );
  expect(stored()).toEqual([version, "install.json"]);
});

onLinux("through a proxy", async () => {
  await using proxy = await startForwardProxy();
  const { exitCode } = await run(["env", `HTTP_PROXY=${proxy.url}`, link(), "upgrade", "--check"]);
  expect([exitCode, new Set(proxy.seen)]).toEqual([0, new Set([`GET ${new URL(world.server.url).host}`])]);
});

const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
test.skipIf(process.platform !== "linux" || process.getuid?.() !== 0 || !Bun.which("setpriv"))(
  "without permission to write",
  async () => {
    const { error, exitCode } = await run([...asNobody, link(), "upgrade"]);
    const lib = join(world.root, "lib/llmlb");
    expect([error, exitCode]).toEqual([`Error: cannot write to ${lib}: run it as the user who installed llmlb`, 1]);
  },
);

onLinux("on a full disk", async () => {
  const large = `llmlb-99.1.0-linux-x64`;
  const archive = await makeArchive([{ name: `${large}/llmlb`, content: new Uint8Array(4 << 20) }]);
  world.server.publish(await makeRelease({ version: "99.1.0", key, replaced: { [`${large}.tar.gz`]: archive } }));
  const { error, exitCode } = await run([
    "sh",
    "-c",
    'ulimit -f 200; exec "$@"',
    "sh",
    link(),
    "upgrade",
    "--version",
    "99.1.0",
  ]);
  expect([error, exitCode]).toEqual([
    `Error: the disk of ${join(world.root, "lib/llmlb")} is full; nothing was changed`,
    1,
  ]);
  expect(stored()).toEqual([version, "install.json"]);
});

onLinux("GPU libraries: installed beside the executable and removed", async () => {
  const pack = join(world.root, "lib/llmlb", version, "native/linux-x64-vulkan");
  const installed = await run([link(), "gpu", "install", "vulkan"]);
  expect([installed.stdout, installed.exitCode]).toEqual([
    "the vulkan libraries are installed; a node that is running uses them after a restart\n",
    0,
  ]);
  expect(installed.stderr).toContain("downloading");
  expect(existsSync(join(pack, "bridge.node"))).toBe(true);
  expect((await run([link(), "gpu", "install", "vulkan"])).stdout).toContain("are installed already");
  expect((await run([link(), "gpu", "remove"])).stdout).toBe(
    "removed the vulkan libraries; a node that is running needs a restart\n",
  );
  expect(existsSync(pack)).toBe(false);
  expect((await run([link(), "gpu", "remove"])).error).toBe("Error: no GPU libraries are installed beside this llmlb");
});

test.skipIf(
  existsSync("/proc/driver/nvidia/version") || existsSync("/sys/class/drm/card0") || process.platform !== "linux",
)("without a GPU there is nothing to install", async () => {
  const { error, exitCode } = await run([link(), "gpu", "install"]);
  expect(error).toStartWith("Error: no NVIDIA or AMD GPU was found");
  expect(exitCode).toBe(1);
});

onLinux("it installs the newer one while it runs, and goes back", async () => {
  world.server.publish(await makeRelease({ version: "99.0.0", key }));
  const upgraded = await run([link(), "upgrade"]);
  expect([upgraded.stdout, upgraded.exitCode]).toEqual([
    `llmlb 99.0.0 is installed (it was ${version}, to which --rollback goes back)\n` +
      `a server that is running goes on with ${version} until it is restarted\n`,
    0,
  ]);
  expect(world.installedVersion()).toBe("99.0.0");
  expect(stored()).toEqual([version, "99.0.0", "install.json"].sort());
  // The stand-in cannot; the one before still can.
  const back = await run([join(world.root, "lib/llmlb", version, "llmlb"), "upgrade", "--rollback", "--json"]);
  expect([JSON.parse(back.stdout), back.exitCode]).toEqual([{ version, before: "99.0.0" }, 0]);
  expect(world.installedVersion()).toBe(version);
});

onLinux("a node that runs goes on with its version, over two upgrades, and starts new runners", async () => {
  const hub = startFixtureHub();
  const own = join(world.root, "lib/llmlb", version, "llmlb");
  const env = { HOME: world.home, PATH: process.env.PATH, HF_ENDPOINT: hub.endpoint, LLMLB_NUM_THREADS: "1" };
  const node = Bun.spawn([link(), "node", "serve", "--port", "0"], { env, stdout: "pipe", stderr: "inherit" });
  try {
    const LLMLB_HOST = await listeningAddress(node.stdout);
    const ask = async (...words: string[]) => await run(["env", `LLMLB_HOST=${LLMLB_HOST}`, own, "node", ...words]);
    expect((await ask("pull", "llmlb-test/tiny-hello-GGUF")).exitCode).toBe(0);
    for (const next of ["99.0.1", "99.0.2"]) {
      world.server.publish(await makeRelease({ version: next, key }));
      expect((await run([own, "upgrade"])).exitCode).toBe(0);
      await ask("stop", "tiny-hello");
      expect(await ask("run", "tiny-hello", "hi")).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/\w/) });
    }
    expect(stored()).toEqual([version, "99.0.1", "99.0.2", "install.json"].sort());
    expect(existsSync(join(world.home, ".cache/llmlb/native"))).toBe(false); // they lie beside the executable
  } finally {
    node.kill();
    await node.exited;
    await hub.stop();
  }
  expect((await world.run({ env: { LLMLB_VERSION: version } })).exitCode).toBe(0);
  expect(stored()).toEqual([version, "99.0.2", "install.json"].sort());
});

const listeningAddress = async (stdout: ReadableStream<Uint8Array>): Promise<string> => {
  let log = "";
  for await (const chunk of stdout) {
    log += Buffer.from(chunk).toString();
    const [, address] = /listening on (http:\/\/\S+)/.exec(log) ?? [];
    if (address) return address;
  }
  throw new Error(`the node ended before it listened:\n${log}`);
};

onLinux("a release of somebody else is refused", async () => {
  world.server.publish(await makeRelease({ version: "99.2.0", key: signingKey() }));
  const { error, exitCode } = await run([link(), "upgrade"]);
  expect(error).toBe(`Error: the release at ${world.server.url} is not signed by llmlb's makers; nothing was changed`);
  expect(exitCode).toBe(1);
});

onLinux("install.sh and upgrade understand each other", async () => {
  world.server.publish(await makeRelease({ version: "99.3.0", key }));
  expect((await world.run({ env: { LLMLB_VERSION: "99.3.0" } })).exitCode).toBe(0);
  expect(world.receipt()).toMatchObject({ version: "99.3.0", previous: version });
  const { exitCode } = await run([join(world.root, "lib/llmlb", version, "llmlb"), "upgrade", "--rollback"]);
  expect([exitCode, world.installedVersion()]).toEqual([0, version]);
  expect(world.receipt()).toMatchObject({ version, previous: "99.3.0" });
  expect((await world.run({ args: ["--uninstall"] })).exitCode).toBe(0);
  expect(existsSync(join(world.root, "lib"))).toBe(false);
});
