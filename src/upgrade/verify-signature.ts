import { createPublicKey, verify } from "node:crypto";

const keyBytes = 32;
const signatureBytes = 64;

/** Has one of `keys` (base64 of an Ed25519 key's 32 bytes) made this signature (base64) over exactly these bytes? */
export const isSignedBy = (keys: readonly string[], bytes: Uint8Array, signature: string): boolean => {
  const decoded = Buffer.from(signature.trim(), "base64");
  if (decoded.length !== signatureBytes) return false;
  return keys.some((key) => {
    const raw = Buffer.from(key, "base64");
    if (raw.length !== keyBytes) return false;
    const jwk = { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") };
    return verify(null, bytes, createPublicKey({ key: jwk, format: "jwk" }), decoded);
  });
};
