import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

/** The raw 32 bytes of an Ed25519 public key, in base64. */
const keyBytes = 32;

/** Reads `LLMLB_RELEASE_PUBLIC_KEYS`; throws an Error, for people to read, for one that is no key. */
export const parsePublicKeys = (list: string): string[] => {
  const keys = list
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
  const bad = keys.find((key) => Buffer.from(key, "base64").length !== keyBytes);
  if (bad !== undefined) throw new Error(`LLMLB_RELEASE_PUBLIC_KEYS: "${bad}" is not the base64 of ${keyBytes} bytes`);
  return keys;
};

/** The public half of a private key, as it stands in `LLMLB_RELEASE_PUBLIC_KEYS`. */
export const publicHalf = (key: KeyObject): string =>
  Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url").toString("base64");

/**
 * The key that signs (`LLMLB_RELEASE_KEY`, or the file `LLMLB_RELEASE_KEY_FILE`), PKCS#8 PEM; undefined where none is set. Throws an Error, for people to read, when it cannot be read, is no Ed25519 key,
 * or is not among `publicKeys`: no executable of this release would believe what it signs.
 */
export const readSigningKey = async (
  env: Readonly<Record<string, string | undefined>>,
  publicKeys: readonly string[],
): Promise<KeyObject | undefined> => {
  const file = env.LLMLB_RELEASE_KEY_FILE;
  const pem = env.LLMLB_RELEASE_KEY || (file ? await Bun.file(file).text() : undefined);
  if (!pem) return undefined;
  const key = parseKey(pem);
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`the release key is ${key.asymmetricKeyType}, not Ed25519`);
  if (!publicKeys.includes(publicHalf(key)))
    throw new Error(`LLMLB_RELEASE_PUBLIC_KEYS does not name the release key's public half, ${publicHalf(key)}`);
  return key;
};

const parseKey = (pem: string): KeyObject => {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error("the release key is not a private key in PKCS#8 PEM"); // without what was in it
  }
};

/** Base64 of the Ed25519 signature; the same for the same bytes. */
export const signBytes = (bytes: Uint8Array, key: KeyObject): string => sign(null, bytes, key).toString("base64");
