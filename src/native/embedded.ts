/** A native library that travels inside the executable. `path` reads it, `name` is its file name on disk. */
export interface EmbeddedFile {
  name: string;
  path: string;
  sha256: string;
  sizeBytes: number;
}

/** Empty in development; `build.ts` answers this module with the platform's CPU libraries and the bridge. */
export const embeddedFiles: readonly EmbeddedFile[] = [];
