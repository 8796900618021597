import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { hideLogin } from "../core/hide-login.ts";
import { openRelease, readSmall } from "./open-release.ts";
import { parseManifest, type ReleaseManifest } from "./release-manifest.ts";
import { isSignedBy } from "./verify-signature.ts";

/** Where releases come from, and whose signature makes them believed. */
export interface ReleaseSource {
  /** As `https://github.com/llmlb/llmlb/releases`. */
  baseUrl: string;
  /** See release-keys.ts. */
  keys: readonly string[];
  clock: Clock;
  signal: AbortSignal;
}

/** How to get a release without a program that can verify it. */
export const installLine = (baseUrl: string): string =>
  `curl -fsSL ${hideLogin(baseUrl)}/latest/download/install.sh | sh`;

export const releaseUrl = (baseUrl: string, version: string, file: string): string =>
  `${baseUrl}/download/v${encodeURIComponent(version)}/${encodeURIComponent(file)}`;

const manifestMaxBytes = 2 ** 20;
const signatureMaxBytes = 4096;

/**
 * The manifest of the newest release, or of `version`, verified. Throws `unsupported` in a build without keys, `corrupt` where the signature
 * is not good, `forbidden` where the newest one's time is over: then somebody may be holding back what is newer.
 * A release that was asked for by its version does not expire.
 */
export const fetchManifest = async (source: ReleaseSource, version?: string): Promise<ReleaseManifest> => {
  const { baseUrl, keys, clock } = source;
  if (keys.length === 0)
    throw new AppError(
      "unsupported",
      `this build of llmlb has no key to verify updates with; get a release: ${installLine(baseUrl)}`,
    );
  const urlOf = (file: string) =>
    version === undefined ? `${baseUrl}/latest/download/${file}` : releaseUrl(baseUrl, version, file);
  const bytes = await fetchSmall(source, urlOf("manifest.json"), manifestMaxBytes);
  const signature = await fetchSmall(source, urlOf("manifest.json.sig"), signatureMaxBytes);
  if (!isSignedBy(keys, bytes, signature.toString()))
    throw new AppError(
      "corrupt",
      `the release at ${hideLogin(baseUrl)} is not signed by llmlb's makers; nothing was changed`,
    );
  const manifest = parseManifest(bytes.toString());
  if (version !== undefined && manifest.version !== version)
    throw new AppError(
      "corrupt",
      `${hideLogin(baseUrl)} has ${manifest.version} in the place of ${version}; nothing was changed`,
    );
  if (version === undefined && manifest.expiresAtMs <= clock.now())
    throw new AppError(
      "forbidden",
      `what ${hideLogin(baseUrl)} calls the newest release (${manifest.version}) expired on ${new Date(manifest.expiresAtMs).toISOString().slice(0, 10)}: ` +
        "the server is out of date, or this machine's clock is wrong; --version installs a certain one",
    );
  return manifest;
};

const fetchSmall = async (source: ReleaseSource, url: string, maxBytes: number): Promise<Buffer> =>
  await readSmall(await openRelease(source, url), maxBytes, url);
