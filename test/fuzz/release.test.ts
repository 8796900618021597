import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { parseManifest } from "../../src/upgrade/release-manifest.ts";
import { unpackArchive } from "../../src/upgrade/unpack-archive.ts";
import { isSignedBy } from "../../src/upgrade/verify-signature.ts";
import { allowed, anyJson, changedBytes, changedJson, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-fuzz-release-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const manifest = {
  ...{ schema: 1, version: "1.2.3", publishedAt: "2026-01-01T00:00:00Z", expiresAt: "2027-01-01T00:00:00Z" },
  files: { "llmlb-1.2.3-linux-x64.tar.gz": { sha256: "ab".repeat(32), sizeBytes: 5 } },
};
const keys = crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]) as Promise<CryptoKeyPair>;

test(
  "a release's manifest is understood or refused, and no text is a signature by chance",
  async () => {
    const { publicKey } = await keys;
    const raw = Buffer.from(await crypto.subtle.exportKey("raw", publicKey)).toString("base64");
    await holds(fc.tuple(fc.oneof(changedJson(manifest), anyJson), nastyText), async ([value, signature]) => {
      const text = JSON.stringify(value) ?? "";
      const read = await allowed(() => parseManifest(text));
      for (const [name, { sizeBytes }] of read?.files ?? []) {
        expect(name).toMatch(/^[\w.+-]+$/);
        expect(Number.isSafeInteger(sizeBytes)).toBe(true);
      }
      const isSigned = await allowed(() => isSignedBy([raw, "", signature], Buffer.from(text), signature));
      expect(isSigned ?? false).toBe(false);
    });
  },
  fuzzTimeoutMs,
);

const entryName = fc.oneof(
  fc.constantFrom(
    "top/a",
    "top/b/c",
    "top",
    "top/",
    "../x",
    "/etc/x",
    "top/../../x",
    "other/x",
    "top/./x",
    "top//x",
    "top\\x",
  ),
  nastyText.map((text) => `top/${text}`),
);
const entry = fc.record({
  name: entryName,
  type: fc.constantFrom("file", "file", "file", "directory", "symlink", "link", "fifo"),
  content: fc.string({ maxLength: 20 }),
});

const archiveOf = async (entries: readonly { name: string; type: string; content: string }[]): Promise<Buffer> => {
  const archive = pack();
  for (const { name, type, content } of entries) {
    if (type === "file") archive.entry({ name }, content);
    else archive.entry({ name, type: type as "directory", linkname: "../../x" });
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

test(
  "an archive is unpacked into its folder, or nothing of it lies anywhere else",
  async () => {
    const whole = await archiveOf([{ name: "top/llmlb", type: "file", content: "x".repeat(600) }]);
    const archives = fc.oneof(fc.array(entry, { maxLength: 5 }), changedBytes(whole, 600));
    await holds(
      fc.tuple(archives, fc.option(fc.nat(60))),
      async ([made, cut]) => {
        const target = join(dir, "outer", "target");
        rmSync(join(dir, "outer"), { recursive: true, force: true });
        mkdirSync(target, { recursive: true });
        const zipped = gzipSync(Array.isArray(made) ? await archiveOf(made) : made);
        const file = join(dir, "archive.tar.gz");
        writeFileSync(file, cut === null ? zipped : zipped.subarray(0, cut));
        const unpacked = await allowed(() => unpackArchive(file, target, "top"));
        expect(readdirSync(dir).sort()).toEqual(["archive.tar.gz", "outer"]);
        expect(readdirSync(join(dir, "outer"))).toEqual(["target"]);
        expect(readdirSync(target).filter((name) => name !== "top")).toEqual([]);
        if (unpacked !== undefined && existsSync(join(unpacked, "llmlb"))) readFileSync(join(unpacked, "llmlb"));
      },
      { runs: 60 },
    );
  },
  fuzzTimeoutMs,
);

test("two entries of one name are the archive's fault, not the disk's", async () => {
  const file = join(dir, "archive.tar.gz");
  const twice = { name: "top/a", type: "file", content: "" };
  writeFileSync(file, gzipSync(await archiveOf([twice, twice])));
  mkdirSync(join(dir, "twice"));
  await expect(unpackArchive(file, join(dir, "twice"), "top")).rejects.toMatchObject({ code: "corrupt" });
  rmSync(join(dir, "twice"), { recursive: true });
});
