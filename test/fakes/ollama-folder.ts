import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface OllamaModelFiles {
  /** `registry.ollama.ai/library/NAME/TAG`, as the folders are. */
  path: string;
  config?: Record<string, unknown>;
  /** Content by kind; several of one kind as pairs. */
  layers?: [kind: string, content: string | Uint8Array][];
}

/** Lays out a folder as Ollama keeps its models. */
export const ollamaFolder = (root: string) => {
  const addBlob = (content: string | Uint8Array) => {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const path = join(root, "blobs", digest.replace(":", "-"));
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFileSync(path, content);
    return { digest, size: Buffer.byteLength(content), path };
  };
  const addManifest = (path: string, content: string | Uint8Array) => {
    const file = join(root, "manifests", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return { path: file, id: createHash("sha256").update(content).digest("hex") };
  };
  return {
    root,
    addBlob,
    addManifest,
    add({ path, config = {}, layers = [] }: OllamaModelFiles) {
      const { digest, size } = addBlob(JSON.stringify(config));
      const manifest = {
        schemaVersion: 2,
        mediaType: "application/vnd.docker.distribution.manifest.v2+json",
        config: { mediaType: "application/vnd.docker.container.image.v1+json", digest, size },
        layers: layers.map(([kind, content]) => {
          const blob = addBlob(content);
          const mediaType = `application/vnd.ollama.image.${kind}`;
          return { mediaType, digest: blob.digest, size: blob.size };
        }),
      };
      return addManifest(path, JSON.stringify(manifest));
    },
    /** Everything that a write would change: names, kinds, times and content. */
    snapshot: () => snapshotOf(root),
  };
};

export type OllamaFolder = ReturnType<typeof ollamaFolder>;

const snapshotOf = (root: string): string[] =>
  ["", ...readdirSync(root, { recursive: true, encoding: "utf8" })].sort().map((name) => {
    const path = join(root, name);
    const { mode, size, ino, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    const content = statSync(path).isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
    return [name, mode, size, ino, mtimeNs, ctimeNs, content].join(" ");
  });
