/** Set by `build.ts` from the environment of whoever builds a release: keys, separated by commas. */
declare const LLMLB_RELEASE_PUBLIC_KEYS: string | undefined;

/** Ed25519 public keys (base64 of the 32 bytes) of which one has to have signed a release; none in a build that is no release. */
export const releaseKeys: readonly string[] = (
  typeof LLMLB_RELEASE_PUBLIC_KEYS === "string" ? LLMLB_RELEASE_PUBLIC_KEYS : ""
)
  .split(",")
  .flatMap((key) => key.trim() || []);
