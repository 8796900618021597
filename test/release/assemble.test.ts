import { afterAll, expect, test } from "bun:test";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { addFile, addGpu, addManifest, addTarget, type Release, readEntries } from "../../scripts/release/assemble.ts";
import { releaseTime } from "../../scripts/release/release-time.ts";
import { signBytes } from "../../scripts/release/signing.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-release-"));
afterAll(() => rmSync(dir, { recursive: true }));

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A release of small stand-ins. */
const assemble = async (folder: string): Promise<string> => {
  const outDir = join(dir, folder);
  const release: Release = { version: "1.2.3", time: new Date("2026-11-25T00:00:00Z"), outDir, files: [] };
  const executable = bytesOf("program");
  const single = bytesOf("program and libraries");
  const texts = [{ name: "LICENSE", bytes: bytesOf("terms") }];
  for (const [target, platform] of [
    ["linux-x64", "linux-x64"],
    ["windows-x64", "win-x64"],
  ] as const) {
    const native = [{ name: `native/${platform}/bridge.node`, bytes: bytesOf(platform) }];
    await addTarget(release, target, { executable, single, native, texts });
  }
  await Bun.write(join(dir, "cuda/libggml-cuda.so"), "cuda");
  await addGpu(release, "linux-x64", "cuda", await readEntries(join(dir, "cuda"), "native/linux-x64-cuda"));
  await addFile(release, "install.sh", "#!/bin/sh\n");
  await addManifest(release, (bytes) => signBytes(bytes, privateKey));
  return outDir;
};

const run = async (cwd: string, ...command: string[]): Promise<string> => {
  const child = Bun.spawn(command, { cwd, stderr: "inherit" });
  expect(await child.exited).toBe(0);
  return await child.stdout.text();
};

test("two runs give the same bytes, and the checksums are right", async () => {
  const [first, second] = [await assemble("first"), await assemble("second")];
  expect(readdirSync(first).sort()).toEqual([
    "SHA256SUMS",
    "install.sh",
    "llmlb-1.2.3-gpu-cuda-linux-x64.tar.gz",
    "llmlb-1.2.3-linux-x64.gz",
    "llmlb-1.2.3-linux-x64.tar.gz",
    "llmlb-1.2.3-windows-x64.exe.zip",
    "llmlb-1.2.3-windows-x64.zip",
    "manifest.json",
    "manifest.json.sig",
  ]);
  for (const name of readdirSync(first))
    expect([name, readFileSync(join(first, name)).equals(readFileSync(join(second, name)))]).toEqual([name, true]);
  const checked = await run(first, "sha256sum", "--check", "SHA256SUMS");
  expect(checked.trim().split("\n").length).toBe(readdirSync(first).length - 1);
});

test("every archive has one folder, in which things lie where the executable looks", async () => {
  const outDir = await assemble("layout");
  const list = async (name: string) => (await run(outDir, "tar", "tzf", name)).trim().split("\n");
  expect(await list("llmlb-1.2.3-linux-x64.tar.gz")).toEqual([
    "llmlb-1.2.3-linux-x64/LICENSE",
    "llmlb-1.2.3-linux-x64/llmlb",
    "llmlb-1.2.3-linux-x64/native/linux-x64/bridge.node",
  ]);
  expect(await list("llmlb-1.2.3-gpu-cuda-linux-x64.tar.gz")).toEqual([
    "llmlb-1.2.3-gpu-cuda-linux-x64/native/linux-x64-cuda/libggml-cuda.so",
  ]);
  const unzip = async (name: string) => unzipSync(await Bun.file(join(outDir, name)).bytes());
  expect(Object.keys(await unzip("llmlb-1.2.3-windows-x64.zip"))).toEqual([
    "llmlb-1.2.3-windows-x64/LICENSE",
    "llmlb-1.2.3-windows-x64/llmlb.exe",
    "llmlb-1.2.3-windows-x64/native/win-x64/bridge.node",
  ]);
  expect(Object.keys(await unzip("llmlb-1.2.3-windows-x64.exe.zip"))).toEqual(["llmlb.exe"]);
  expect(await run(outDir, "gunzip", "-c", "llmlb-1.2.3-linux-x64.gz")).toBe("program and libraries");
});

test("the manifest names every file but the checksums and itself, and is signed as it is", async () => {
  const outDir = await assemble("manifest");
  const bytes = readFileSync(join(outDir, "manifest.json"));
  const signature = Buffer.from(readFileSync(join(outDir, "manifest.json.sig"), "utf8"), "base64");
  expect(verify(null, bytes, publicKey, signature)).toBe(true);
  const manifest = JSON.parse(bytes.toString());
  expect(manifest).toMatchObject({
    schema: 1,
    version: "1.2.3",
    publishedAt: "2026-11-25T00:00:00.000Z",
    expiresAt: "2027-11-25T00:00:00.000Z",
  });
  const own = ["SHA256SUMS", "manifest.json", "manifest.json.sig"];
  expect(Object.keys(manifest.files)).toEqual(
    readdirSync(outDir)
      .filter((name) => !own.includes(name))
      .sort(),
  );
  const script = readFileSync(join(outDir, "install.sh"));
  expect(manifest.files["install.sh"]).toEqual({
    sha256: new Bun.CryptoHasher("sha256").update(script).digest("hex"),
    sizeBytes: script.length,
  });
});

test("the time of a release is that of the commit, or SOURCE_DATE_EPOCH", async () => {
  expect((await releaseTime(dir, "86400")).toISOString()).toBe("1970-01-02T00:00:00.000Z");
  const seconds = (await run(import.meta.dir, "git", "log", "-1", "--format=%ct")).trim();
  expect((await releaseTime(import.meta.dir, "")).getTime()).toBe(Number(seconds) * 1000);
  await expect(releaseTime(dir, "today")).rejects.toThrow('SOURCE_DATE_EPOCH: "today" is not a number of seconds');
});
