import { expect, test } from "bun:test";
import { join } from "node:path";
import { checkIntegrity, lockedPackage, packageDir } from "../../scripts/build/packages.ts";
import { executableName, parseTarget, targetNames, targetOf } from "../../scripts/build/targets.ts";

test("every target's Bun is the version that builds, and every pack that of node-llama-cpp, each with a checksum", async () => {
  const [bun, llama] = await Promise.all([lockedPackage("bun"), lockedPackage("node-llama-cpp")]);
  for (const target of targetNames) {
    const { bunPackage, platform, backends } = targetOf(target);
    expect((await lockedPackage(bunPackage)).version).toBe(bun.version);
    for (const pack of [platform, ...backends.map((backend) => `${platform}-${backend}`)]) {
      const locked = await lockedPackage(`@node-llama-cpp/${pack}`);
      expect([locked.version, locked.integrity.slice(0, 7)]).toEqual([llama.version, "sha512-"]);
    }
  }
  await expect(lockedPackage("left-pad")).rejects.toThrow("package-lock.json has no left-pad");
});

test("a download that is not what the lockfile says is refused", () => {
  const bytes = new TextEncoder().encode("package");
  const integrity = `sha512-${new Bun.CryptoHasher("sha512").update(bytes).digest("base64")}`;
  expect(() => checkIntegrity("x", bytes, integrity)).not.toThrow();
  expect(() => checkIntegrity("x", bytes.with(0, 0), integrity)).toThrow("what was downloaded as x has the checksum");
});

test("an installed package is taken from where npm put it", async () => {
  expect(await packageDir("node-llama-cpp")).toBe(join(import.meta.dir, "../../node_modules/node-llama-cpp"));
});

test("targets are known by name", () => {
  expect(parseTarget("windows-x64")).toBe("windows-x64");
  expect([executableName("windows-x64"), executableName("darwin-arm64")]).toEqual(["llmlb.exe", "llmlb"]);
  expect(() => parseTarget("linux")).toThrow('unknown target "linux"; there are linux-x64, linux-x64-baseline,');
});
