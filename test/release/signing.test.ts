import { expect, test } from "bun:test";
import { generateKeyPairSync, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePublicKeys, publicHalf, readSigningKey, signBytes } from "../../scripts/release/signing.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const trusted = [publicHalf(privateKey)];

test("a public key is the base64 of its raw 32 bytes", () => {
  const der = publicKey.export({ type: "spki", format: "der" });
  expect(publicHalf(privateKey)).toBe(der.subarray(-32).toString("base64"));
  expect(parsePublicKeys(` ${trusted[0]} ,${trusted[0]},`)).toEqual([trusted[0], trusted[0]] as string[]);
  expect(parsePublicKeys("")).toEqual([]);
  expect(() => parsePublicKeys("AAAA")).toThrow('LLMLB_RELEASE_PUBLIC_KEYS: "AAAA" is not the base64 of 32 bytes');
});

test("what the key signs, its public half confirms", async () => {
  const key = await readSigningKey({ LLMLB_RELEASE_KEY: pem }, trusted);
  if (!key) throw new Error("no key");
  const bytes = new TextEncoder().encode("manifest");
  const signature = Buffer.from(signBytes(bytes, key), "base64");
  expect(verify(null, bytes, publicKey, signature)).toBe(true);
  expect(verify(null, new TextEncoder().encode("Manifest"), publicKey, signature)).toBe(false);
  expect(signBytes(bytes, key)).toBe(signBytes(bytes, key));
});

test("the key comes from a file too; without either there is none", async () => {
  const dir = await mkdtemp(join(tmpdir(), "llmlb-key-"));
  await Bun.write(join(dir, "key.pem"), pem);
  const key = await readSigningKey({ LLMLB_RELEASE_KEY_FILE: join(dir, "key.pem") }, trusted);
  expect(key && publicHalf(key)).toBe(trusted[0] as string);
  expect(await readSigningKey({ LLMLB_RELEASE_KEY: "" }, trusted)).toBeUndefined();
  await rm(dir, { recursive: true });
});

test("a key that no executable would believe is refused, and its text is never repeated", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" });
  const refused = (key: string, keys: readonly string[]) => readSigningKey({ LLMLB_RELEASE_KEY: key }, keys);
  await expect(refused(pem, [])).rejects.toThrow(`does not name the release key's public half, ${trusted[0]}`);
  await expect(refused(rsa.toString(), trusted)).rejects.toThrow("the release key is rsa, not Ed25519");
  await expect(refused("secret", trusted)).rejects.toThrow(/^the release key is not a private key in PKCS#8 PEM$/);
});
