/** A file of a release. */
export interface ReleaseFile {
  name: string;
  sha256: string;
  sizeBytes: number;
}

/** Long enough for a project that rests; a stolen or frozen mirror cannot offer an old release for longer. */
const validDays = 365;
const msPerDay = 24 * 3600 * 1000;

/** `manifest.json`, which is signed as these very bytes: what `llmlb upgrade` believes about the other files. */
export const renderManifest = (version: string, published: Date, files: readonly ReleaseFile[]): string => {
  const rows = files.map(({ name, sha256, sizeBytes }) => [name, { sha256, sizeBytes }] as const);
  const manifest = {
    schema: 1,
    version,
    publishedAt: published.toISOString(),
    expiresAt: new Date(published.getTime() + validDays * msPerDay).toISOString(),
    files: Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
};

/** In the format of `sha256sum`, sorted by name. */
export const renderChecksums = (files: readonly ReleaseFile[]): string =>
  files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join("");
