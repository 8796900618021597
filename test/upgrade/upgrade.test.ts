import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { platformName } from "../../src/native/native-dir.ts";
import { findInstallation } from "../../src/upgrade/installation.ts";
import { decideUpgrade, rollback } from "../../src/upgrade/upgrade.ts";
import { type ArchiveEntry, makeArchive, signingKey, standIn } from "../fakes/release.ts";
import { linkOf, openUpgradeWorld, target, type UpgradeWorld } from "../fakes/upgrade-world.ts";

let world: UpgradeWorld;
beforeAll(async () => {
  world = await openUpgradeWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  await world.reset();
  world.lay("0.1.0");
});

const native = (addon = "") => `native/${platformName()}${addon && `-${addon}`}/bridge.node`;
const archive = `llmlb-0.2.0-${target}.tar.gz`;

/** The old one works as before, and nothing else is left. */
const expectUntouched = () => {
  expect(world.current()).toBe("0.1.0");
  expect(world.stored()).toEqual(["0.1.0", "install.json"]);
  expect(readdirSync(join(world.dir, "bin"))).toEqual(["llmlb"]);
  expect(world.receipt()).toMatchObject({ version: "0.1.0" });
};

const failure = async (promise: Promise<unknown>): Promise<{ code: string; message: string }> => {
  const { code, message } = await promise.then(
    () => ({ code: "none", message: "it went well" }),
    (error) => error,
  );
  return { code, message };
};

// Archives of the fake releases are Linux's; what install.sh makes elsewhere is the same.
describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("on Linux", () => {
  test("the newest release is laid beside the old one, which stays; older ones go", async () => {
    await world.publish({ version: "0.2.0" });
    expect(await world.upgrade()).toEqual({ version: "0.2.0", before: "0.1.0", lostAddons: [] });
    expect(world.current()).toBe("0.2.0");
    expect(linkOf(world)).toBe("../lib/llmlb/0.2.0/llmlb");
    expect(world.stored()).toEqual(["0.1.0", "0.2.0", "install.json"]);
    const receipt = { schema: 1, method: "install.sh", version: "0.2.0", previous: "0.1.0", target, addons: [] };
    expect(world.receipt()).toEqual(receipt);
    expect(world.read(`lib/llmlb/0.2.0/${native()}`)).toBe("cpu 0.2.0");
    await world.publish({ version: "0.10.0" });
    await world.upgrade();
    expect(world.stored()).toEqual(["0.10.0", "0.2.0", "install.json"]);
  });

  test("GPU libraries come along; where the release has none of a kind, it is told", async () => {
    world.lay("0.1.0", { addons: ["cuda", "vulkan"] });
    await world.publish({ version: "0.2.0", addons: ["vulkan"] });
    expect(await world.upgrade()).toMatchObject({ version: "0.2.0", lostAddons: ["cuda"] });
    expect(world.read(`lib/llmlb/0.2.0/${native("vulkan")}`)).toBe("vulkan 0.2.0");
    expect(world.receipt().addons).toEqual(["vulkan"]);
  });

  test("progress tells what happens", async () => {
    await world.publish({ version: "0.2.0" });
    const seen: string[] = [];
    await world.upgrade(undefined, {
      report: async ({ status }) => void (seen.at(-1) === status || seen.push(status)),
    });
    expect(seen).toEqual([
      "looking for a release",
      `downloading ${archive}`,
      `unpacking ${archive}`,
      "trying llmlb 0.2.0",
      "switching to llmlb 0.2.0",
      "removing older versions",
    ]);
  });

  test("nothing is done where there is nothing newer, and the newest release never leads back", async () => {
    await world.publish({ version: "0.1.0" });
    expect(await world.upgrade()).toEqual({ version: "0.1.0", before: "0.1.0", lostAddons: [] });
    await world.publish({ version: "0.0.9" });
    expect(await world.upgrade()).toEqual({ version: "0.1.0", before: "0.1.0", olderRelease: "0.0.9", lostAddons: [] });
    expectUntouched();
  });

  test("a version that is named may be an older one, and one whose time is over", async () => {
    await world.publish({ version: "0.0.9", expiresAt: "2026-05-01" });
    expect(await world.upgrade("0.0.9")).toMatchObject({ version: "0.0.9", before: "0.1.0" });
    expect(world.current()).toBe("0.0.9");
    expect(await failure(world.upgrade("7.7.7"))).toEqual({
      code: "not_found",
      message: `there is no ${world.server.url}/download/v7.7.7/manifest.json`,
    });
  });

  test("a release that llmlb's makers did not sign is refused, and so is a changed manifest", async () => {
    await world.publish({ version: "0.2.0", key: signingKey() });
    const refused = { code: "corrupt", message: expect.stringContaining("is not signed by llmlb's makers") };
    expect(await failure(world.upgrade())).toEqual(refused);
    await world.publish({ version: "0.2.0" });
    world.server.faults.set("manifest.json", { bytes: Buffer.from("{}") });
    expect(await failure(world.upgrade())).toEqual(refused);
    world.server.faults.clear();
    for (const signature of ["", "AAAA", "!".repeat(88), Buffer.alloc(64).toString("base64")]) {
      world.server.faults.set("manifest.json.sig", { bytes: Buffer.from(signature) });
      expect(await failure(world.upgrade())).toEqual(refused);
    }
    expectUntouched();
  });

  test("any of several keys is good, so that one can follow another", async () => {
    await world.publish({ version: "0.2.0" });
    const keys = ["nonsense", signingKey().publicKey, world.key.publicKey];
    expect(await world.upgrade(undefined, { source: world.source({ keys }) })).toMatchObject({ version: "0.2.0" });
  });

  test("a build without keys says how to get another", async () => {
    expect(await failure(world.upgrade(undefined, { source: world.source({ keys: [] }) }))).toEqual({
      code: "unsupported",
      message: `this build of llmlb has no key to verify updates with; get a release: curl -fsSL ${world.server.url}/latest/download/install.sh | sh`,
    });
  });

  test("a newest release whose time is over is refused: somebody may hold back what is newer", async () => {
    await world.publish({ version: "0.2.0", expiresAt: "2026-06-01T00:00:00.000Z" });
    expect(await failure(world.upgrade())).toEqual({
      code: "forbidden",
      message: expect.stringContaining("(0.2.0) expired on 2026-06-01"),
    });
    expectUntouched();
  });

  test.each([
    ["another schema", { schema: 2 }, "in a way that this llmlb does not know"],
    ["no version", { version: "latest" }, "it has no version"],
    ["a version that is a path", { version: "1.2.3-../../x" }, "it has no version"],
    ["no date", { publishedAt: 5 }, "it has no date"],
    ["no end", { expiresAt: "soon" }, "it does not say when it expires"],
    ["no files", { files: [] }, "it names no files"],
    [
      "a file that is a path",
      { files: { "../x": { sha256: "0".repeat(64), sizeBytes: 1 } } },
      "a file is described wrongly",
    ],
    ["no checksum", { files: { x: { sha256: "0", sizeBytes: 1 } } }, "x has no checksum"],
    ["a size beyond all", { files: { x: { sha256: "0".repeat(64), sizeBytes: 1e12 } } }, "x has no size"],
    ["no archive for this target", { files: {} }, `llmlb 0.2.0 has no ${archive}`],
  ])("a signed manifest with %s is refused", async (_, changes, message) => {
    await world.publish({ version: "0.2.0", manifest: (manifest) => ({ ...manifest, ...changes }) });
    expect((await failure(world.upgrade())).message).toContain(message);
    expectUntouched();
  });

  test("another version in the place of the one that was named is refused", async () => {
    await world.publish({ version: "0.2.0", manifest: (manifest) => ({ ...manifest, version: "0.0.1" }) });
    expect((await failure(world.upgrade("0.2.0"))).message).toContain("has 0.0.1 in the place of 0.2.0");
  });

  test("an archive that is not the signed one is refused, whatever its length", async () => {
    await world.publish({ version: "0.2.0" });
    const whole = await makeArchive([{ name: `llmlb-0.2.0-${target}/llmlb`, content: standIn("0.2.0") }]);
    for (const bytes of [whole, Buffer.concat([whole, Buffer.alloc(100_000)])]) {
      world.server.faults.set(archive, { bytes });
      expect((await failure(world.upgrade())).code).toMatch(/^corrupt$|^connection$/);
      expectUntouched();
    }
    const longer = Buffer.concat([
      await (await fetch(`${world.server.url}/download/v0.2.0/${archive}`)).bytes(),
      whole,
    ]);
    world.server.faults.set(archive, { bytes: longer });
    expect(await failure(world.upgrade())).toEqual({
      code: "corrupt",
      message: expect.stringContaining("is not what its signed manifest says; nothing was changed"),
    });
    expectUntouched();
  });

  test("a download that is cut, missing or silent changes nothing", async () => {
    await world.publish({ version: "0.2.0" });
    world.server.faults.set(archive, { cutAfter: 60 });
    expect((await failure(world.upgrade())).code).toBe("connection");
    world.server.faults.set(archive, { status: 503 });
    expect((await failure(world.upgrade())).message).toMatch(/answered 503 for http/);
    world.server.faults.set(archive, { holdAfter: 60 });
    const silent = failure(world.upgrade());
    await world.server.held;
    const late = Promise.withResolvers<void>();
    void silent.then(() => late.resolve());
    for (let waiting = true; waiting; ) {
      await world.clock.advance(60_000);
      waiting = await Promise.race([
        late.promise.then(() => false),
        new Promise<true>((resolve) => setImmediate(resolve, true)),
      ]);
    }
    expect(await silent).toEqual({ code: "connection", message: expect.stringContaining("it went silent") });
    const nowhere = { source: world.source({ baseUrl: "http://127.0.0.1:9/releases" }) };
    expect((await failure(world.upgrade(undefined, nowhere))).code).toBe("connection");
    expectUntouched();
  });

  test("Ctrl+C in a download leaves nothing behind", async () => {
    await world.publish({ version: "0.2.0" });
    world.server.faults.set(archive, { holdAfter: 60 });
    const controller = new AbortController();
    const upgrading = failure(world.upgrade(undefined, { source: world.source({ signal: controller.signal }) }));
    await world.server.held;
    controller.abort(new Error("enough"));
    expect((await upgrading).message).toBe("enough");
    expectUntouched();
  });

  const top = `llmlb-0.2.0-${target}`;
  const good: ArchiveEntry = { name: `${top}/llmlb`, content: standIn("0.2.0") };
  const evil: [string, ArchiveEntry[], string][] = [
    ["a path that leads out", [{ name: `${top}/../../evil`, content: "x" }], "is not inside of"],
    ["an absolute path", [{ name: "/tmp/llmlb-evil", content: "x" }], "is not inside of"],
    ["another top folder", [{ name: "other/llmlb", content: "x" }], "is not inside of"],
    ["a name of Windows", [{ name: `${top}/..\\evil`, content: "x" }], "is not inside of"],
    ["a symbolic link", [{ name: `${top}/link`, type: "symlink", linkname: "/etc" }], "is a symlink"],
    ["a hard link", [{ name: `${top}/link`, type: "link", linkname: "/etc/passwd" }], "is a link"],
    ["a pipe", [{ name: `${top}/pipe`, type: "fifo" }], "is a fifo"],
    ["a file twice", [good], "EEXIST"],
    ["a file where a folder is", [{ name: `${top}/llmlb/x`, content: "x" }], "EEXIST|ENOTDIR"],
    ["the top folder as a file", [{ name: top, content: "x" }], "EISDIR|EEXIST"],
  ];

  test.each(evil)("a signed archive with %s is refused", async (_, entries, message) => {
    await world.publish({ version: "0.2.0", replaced: { [archive]: await makeArchive([good, ...entries]) } });
    expect((await failure(world.upgrade())).message).toMatch(new RegExp(message));
    expect(existsSync("/tmp/llmlb-evil") || existsSync(join(world.dir, "evil"))).toBe(false);
    expectUntouched();
  });

  test("a signed archive that is none, or is empty, is refused", async () => {
    for (const bytes of [
      Buffer.from("no archive"),
      await makeArchive([]),
      (await makeArchive([good])).subarray(0, 40),
    ]) {
      await world.publish({ version: "0.2.0", replaced: { [archive]: bytes } });
      expect(await failure(world.upgrade())).toMatchObject({ code: "corrupt" });
      expectUntouched();
    }
  });

  test("a version that does not run, or says another one, is not switched to", async () => {
    for (const executable of [standIn("0.2.1"), "#!/bin/sh\nexit 3\n", "\x7fELF but not really"]) {
      await world.publish({ version: "0.2.0", executable });
      expect(await failure(world.upgrade())).toEqual({
        code: "unsupported",
        message: expect.stringContaining("llmlb 0.2.0 does not run on this machine"),
      });
      expectUntouched();
    }
  });

  test("rollback goes back without a network and forward again", async () => {
    await world.publish({ version: "0.2.0" });
    expect(await failure(rollback(world.options()))).toEqual({
      code: "not_found",
      message: "there is no version before 0.1.0 to go back to",
    });
    await world.upgrade();
    const offline = () => world.options({ source: world.source({ baseUrl: "http://127.0.0.1:9", keys: [] }) });
    expect(await rollback(offline())).toMatchObject({ version: "0.1.0", before: "0.2.0" });
    expect([world.current(), world.receipt().previous]).toEqual(["0.1.0", "0.2.0"]);
    expect(await rollback(offline())).toMatchObject({ version: "0.2.0", before: "0.1.0" });
    expect(world.current()).toBe("0.2.0");
    // A version that was gone back from is fetched anew: what lies there may be why.
    await rollback(offline());
    await world.upgrade();
    expect([world.current(), ...world.stored()]).toEqual(["0.2.0", "0.1.0", "0.2.0", "install.json"]);
  });

  test("a previous version that no longer runs is not gone back to", async () => {
    await world.publish({ version: "0.2.0" });
    await world.upgrade();
    writeFileSync(join(world.dir, "lib/llmlb/0.1.0/llmlb"), "#!/bin/sh\nexit 1\n");
    expect((await failure(rollback(world.options()))).code).toBe("unsupported");
    expect(world.current()).toBe("0.2.0");
  });

  test("a swap whose receipt was not written any more is understood", async () => {
    world.lay("0.2.0", { previous: "0.1.0" });
    writeFileSync(
      join(world.dir, "lib/llmlb/install.json"),
      JSON.stringify({ ...world.receipt(), version: "0.1.0", previous: "0.0.1" }),
    );
    expect(findInstallation(join(world.dir, "lib/llmlb/0.2.0/llmlb"), "")).toMatchObject({
      version: "0.2.0",
      previous: "0.1.0",
    });
  });

  test("the version from which a process still runs is kept", async () => {
    mkdirSync(join(world.dir, "lib/llmlb/0.0.8"));
    mkdirSync(join(world.dir, "lib/llmlb/0.0.9"));
    for (const version of ["0.0.8", "0.0.9"])
      copyFileSync("/bin/sleep", join(world.dir, "lib/llmlb", version, "llmlb"));
    const running = Bun.spawn([join(world.dir, "lib/llmlb/0.0.9/llmlb"), "600"]);
    try {
      await world.publish({ version: "0.2.0" });
      await world.upgrade();
      expect(world.stored()).toEqual(["0.0.9", "0.1.0", "0.2.0", "install.json"]);
    } finally {
      running.kill();
      await running.exited;
    }
  });

  test("one at a time; the lock of a process that is dead is nobody's", async () => {
    await world.publish({ version: "0.2.0" });
    const lock = join(world.dir, "lib/llmlb/.lock");
    symlinkSync(String(process.pid), lock);
    expect(await failure(world.upgrade())).toEqual({
      code: "conflict",
      message: `another installation or upgrade is running (process ${process.pid})`,
    });
    expect(existsSync(join(world.dir, "lib/llmlb/.staging"))).toBe(false);
    rmSync(lock);
    symlinkSync(String(Bun.spawnSync(["true"]).pid), lock);
    expect(await world.upgrade()).toMatchObject({ version: "0.2.0" });
  });

  test("what install.sh did not make is not upgraded", async () => {
    const foreign = join(world.dir, "usr/bin/llmlb");
    mkdirSync(join(world.dir, "usr/bin"), { recursive: true });
    writeFileSync(foreign, "");
    const message = expect.stringContaining("was not installed by install.sh, so it does not upgrade itself");
    expect(await failure(world.upgrade(undefined, { executable: foreign }))).toEqual({ code: "unsupported", message });
    // Laid out alike, but by a packager: no receipt, or no link.
    rmSync(join(world.dir, "bin/llmlb"));
    writeFileSync(join(world.dir, "bin/llmlb"), standIn("0.1.0"), { mode: 0o755 });
    expect(await failure(world.upgrade())).toEqual({ code: "unsupported", message });
    world.lay("0.1.0");
    rmSync(join(world.dir, "lib/llmlb/install.json"));
    expect(await failure(world.upgrade())).toEqual({ code: "unsupported", message });
    expect(world.server.requests).toEqual([]);
  });

  test.each([
    "looking for a release",
    `downloading ${archive}: none`,
    `downloading ${archive}: a part`,
    `downloading ${archive}: all`,
    `unpacking ${archive}`,
    "trying llmlb 0.2.0",
    "switching to llmlb 0.2.0", // the new version has its name
    "removing older versions", // the link is swapped
  ])("killed while %s, a version works, and the next run finishes", async (step) => {
    const padding = { name: `${top}/padding`, content: crypto.getRandomValues(new Uint8Array(60_000)) };
    await world.publish({ version: "0.2.0", replaced: { [archive]: await makeArchive([good, padding]) } });
    if (step.endsWith("a part")) world.server.faults.set(archive, { holdAfter: 20_000 });
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "upgrade-child.ts"), world.server.url, world.key.publicKey].concat(
        join(world.dir, "lib/llmlb/0.1.0/llmlb"),
        step,
      ),
      { stdout: "inherit", stderr: "inherit" },
    );
    await child.exited;
    world.server.faults.clear();
    expect(child.signalCode).toBe("SIGKILL");
    expect(world.current()).toBe(step === "removing older versions" ? "0.2.0" : "0.1.0");
    expect(world.stored()).toContain("0.1.0");
    await world.upgrade();
    expect(world.current()).toBe("0.2.0");
    if (step === "removing older versions") await rollback(world.options()); // takes the lock and tidies, as the next upgrade would
    expect(world.stored()).toEqual(["0.1.0", "0.2.0", "install.json"]);
    expect(world.receipt()).toMatchObject({ schema: 1, target });
  });
});

test.each([
  ["0.1.0", "0.1.0", false, "same"],
  ["0.1.0", "0.1.0", true, "same"],
  ["0.9.0", "0.10.0", false, "install"],
  ["0.10.0", "0.9.0", false, "older"],
  ["0.10.0", "0.9.0", true, "install"],
  ["1.0.0-rc.2", "1.0.0", false, "install"],
  ["1.0.0", "1.0.0-rc.2", false, "older"],
  ["1.0.0-rc.2", "1.0.0-rc.10", false, "install"],
] as const)("with %s installed, %s (named: %p) is: %s", (installed, offered, named, decision) => {
  expect(decideUpgrade(installed, offered, named)).toBe(decision);
});
