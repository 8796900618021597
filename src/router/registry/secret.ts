/** A secret of 192 bits. Its prefix says what it is, to people and to programs that look for leaked secrets. */
export const newSecret = (prefix: "llmlb-key-" | "llmlb-join-" | "llmlb-node-"): string =>
  prefix + Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString("base64url");

/** All that is kept of a secret. Secrets are long and random, so no salt and no slow hash is needed. */
export const hashSecret = (secret: string): string => new Bun.CryptoHasher("sha256").update(secret).digest("hex");

const idAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 characters, none of which looks like another

/** A short id for people, such as `abc234`, that `isTaken` does not know. */
export const newId = (isTaken: (id: string) => boolean): string => {
  for (;;) {
    const id = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => idAlphabet[byte % 32]).join("");
    if (!isTaken(id)) return id;
  }
};
