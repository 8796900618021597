import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { type Headers, pack } from "tar-stream";

/** A key pair as releases are signed with: the public half as the build takes it, and what signs. */
export const signingKey = () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64"),
    sign: (bytes: Buffer) => `${sign(null, bytes, privateKey).toString("base64")}\n`,
  };
};

export type SigningKey = ReturnType<typeof signingKey>;

/** A file of an archive; a string is an executable text. */
export type ArchiveEntry = Partial<Headers> & { name: string; content?: string | Uint8Array };

export const makeArchive = async (entries: readonly ArchiveEntry[]): Promise<Buffer> => {
  const tar = pack();
  for (const { content = "", ...header } of entries) tar.entry({ mode: 0o755, ...header }, Buffer.from(content));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks), { level: 1 });
};

/** A stand-in for the executable that can tell its version and nothing else. */
export const standIn = (version: string): string =>
  `#!/bin/sh\n[ "$1" = --version ] && echo "llmlb ${version}" && exit 0\necho "stand-in $*"\n`;

const targets = ["linux-x64", "linux-x64-baseline", "linux-arm64", "darwin-arm64", "darwin-x64"];
const platformOf = (target: string) =>
  target === "darwin-arm64" ? "mac-arm64-metal" : target.replace("darwin", "mac").replace("-baseline", "");

export interface ReleaseOptions {
  version: string;
  key: SigningKey;
  /** In place of the stand-in. */
  executable?: string | Uint8Array;
  /** Only these targets; all by default, each a few hundred bytes. */
  targets?: readonly string[];
  /** Only these GPU libraries, for Linux. */
  addons?: readonly string[];
  /** In place of made ones, by file name. */
  replaced?: Record<string, Buffer>;
  expiresAt?: string;
  /** Changes the manifest before it is signed. */
  manifest?: (manifest: Record<string, unknown>) => unknown;
}

export type Release = { version: string; files: Map<string, Buffer> };

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

/** All files of a release, laid out as `scripts/release` lays them out. */
export const makeRelease = async (options: ReleaseOptions): Promise<Release> => {
  const { version, key, replaced = {}, addons = ["cuda", "vulkan"] } = options;
  const files = new Map<string, Buffer>();
  for (const target of options.targets ?? targets) {
    const top = `llmlb-${version}-${target}`;
    const entries = [
      { name: `${top}/llmlb`, content: options.executable ?? standIn(version) },
      { name: `${top}/native/${platformOf(target)}/bridge.node`, content: `cpu ${version}` },
      { name: `${top}/LICENSE`, content: "MIT", mode: 0o644 },
    ];
    files.set(`${top}.tar.gz`, await makeArchive(entries));
  }
  for (const addon of addons) {
    for (const target of ["linux-x64", "linux-arm64"]) {
      const top = `llmlb-${version}-gpu-${addon}-${target}`;
      const entry = { name: `${top}/native/${target}-${addon}/bridge.node`, content: `${addon} ${version}` };
      files.set(`${top}.tar.gz`, await makeArchive([entry]));
    }
  }
  for (const [name, bytes] of Object.entries(replaced)) files.set(name, bytes);
  const listed = [...files].map(([name, bytes]) => [name, { sha256: sha256(bytes), sizeBytes: bytes.length }] as const);
  const manifest = {
    schema: 1,
    version,
    publishedAt: "2026-01-01T00:00:00.000Z",
    expiresAt: options.expiresAt ?? "2999-01-01T00:00:00.000Z",
    files: Object.fromEntries(listed),
  };
  const bytes = Buffer.from(JSON.stringify(options.manifest?.(manifest) ?? manifest));
  files.set("SHA256SUMS", Buffer.from(listed.map(([name, file]) => `${file.sha256}  ${name}\n`).join("")));
  files.set("manifest.json", bytes);
  files.set("manifest.json.sig", Buffer.from(key.sign(bytes)));
  return { version, files };
};

/** What happens to a file on its way: other bytes, a line that is cut after some bytes, or one that stays silent from there on. */
export type Fault = { bytes: Buffer } | { cutAfter: number } | { holdAfter: number } | { status: number };

export interface ReleaseServer extends AsyncDisposable {
  /** For LLMLB_DOWNLOAD_URL. */
  url: string;
  /** Names of the files that were asked for, in order. */
  requests: string[];
  /** The last one published is the newest. */
  publish(release: Release): void;
  faults: Map<string, Fault>;
  /** Resolves when a file with the fault `holdAfter` has been sent as far as it goes. */
  held: Promise<void>;
}

/** Serves releases as GitHub does: the newest redirects to its version, and that to where the bytes are. */
export const startReleaseServer = async (): Promise<ReleaseServer> => {
  const releases = new Map<string, Release>();
  const faults = new Map<string, Fault>();
  const requests: string[] = [];
  const held = Promise.withResolvers<void>();
  const send = async (response: ServerResponse, bytes: Buffer, fault?: Fault) => {
    if (fault && "status" in fault) return void response.writeHead(fault.status).end();
    const whole = fault && "bytes" in fault ? fault.bytes : bytes;
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": whole.length });
    if (fault && "cutAfter" in fault) {
      response.write(whole.subarray(0, fault.cutAfter));
      return void setImmediate(() => response.socket?.destroy());
    }
    if (!fault || !("holdAfter" in fault)) return void response.end(whole);
    response.write(whole.subarray(0, fault.holdAfter));
    held.resolve();
  };
  const server = createServer((request, response) => {
    const [, , place = "", second = "", name = ""] = (request.url ?? "").split("/");
    if (place === "latest") {
      const version = [...releases.keys()].at(-1);
      return void response.writeHead(302, { location: `/releases/download/v${version}/${name}` }).end();
    }
    const bytes = releases.get(second.slice(1))?.files.get(name);
    if (!bytes) return void response.writeHead(404).end("Not Found");
    if (place === "download")
      return void response
        .writeHead(302, { location: `http://${request.headers.host}/x/objects/${second}/${name}` })
        .end();
    requests.push(name);
    void send(response, bytes, faults.get(name));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/releases`,
    requests,
    faults,
    held: held.promise,
    publish(release) {
      releases.delete(release.version);
      releases.set(release.version, release);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
};
