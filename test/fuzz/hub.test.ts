import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModel } from "../../scripts/fixtures/models.ts";
import { chooseConversion } from "../../src/hub/choose-conversion.ts";
import { chooseFile } from "../../src/hub/choose-file.ts";
import { isQuantizationOf } from "../../src/hub/find-gguf-repositories.ts";
import { createPuller } from "../../src/hub/puller.ts";
import { describeFile, isSafePath } from "../../src/hub/repository-file.ts";
import { openStore } from "../../src/store/open-store.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { hubRef, recordingLog } from "../hub/harness.ts";
import { testConverter } from "../hub/test-converter.ts";
import { allowed, anyJson, changedBytes, changedJson, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

const file = buildModel("tiny-hello");
const sha256 = new Bun.CryptoHasher("sha256").update(file).digest("hex");
const name = "tiny-hello-Q8_0.gguf";
const repository = {
  id: "org/name",
  sha: "c".repeat(40),
  gated: false,
  tags: ["license:mit"],
  siblings: [
    { rfilename: name, size: file.length, blobId: "b".repeat(40), lfs: { sha256, size: file.length } },
    { rfilename: "README.md", size: 3, blobId: "b".repeat(40) },
  ],
};
const tree = [
  { type: "file", path: name, size: file.length, oid: "b".repeat(40), lfs: { oid: sha256, size: file.length } },
];

/** What the Hub does at each of its doors. */
interface Hub {
  info: string;
  tree: string;
  resolve: { status: number; headers: Record<string, string> };
  cdn: { status: number; headers: Record<string, string>; bytes: Uint8Array | undefined };
  xet: string;
}

let hub: Hub;
let server: Bun.Server<undefined>;
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "llmlb-fuzz-hub-"));
  server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => answer(request, new URL(request.url)) });
});
afterAll(async () => {
  await server.stop(true);
  rmSync(dir, { recursive: true, force: true });
});

const answer = (request: Request, { pathname }: URL): Response => {
  if (pathname.includes("/tree/")) return new Response(hub.tree, { headers: { "content-type": "application/json" } });
  if (pathname === "/api/models") return new Response(hub.info);
  if (pathname.startsWith("/api/models/")) return new Response(hub.info);
  if (pathname.includes("/resolve/")) return new Response(null, hub.resolve);
  if (pathname.startsWith("/cdn/")) return cdn(request);
  return new Response(hub.xet);
};

const cdn = (request: Request): Response => {
  const { status, headers, bytes } = hub.cdn;
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
  const range = { "content-range": `bytes ${first}-${last}/${file.length}` };
  const part = bytes ?? file.subarray(Number(first ?? 0), Number(last ?? file.length) + 1);
  return new Response(part.slice(), { status, headers: status === 206 ? { ...range, ...headers } : headers });
};

const headerValue = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "-1",
    "99999999999999999999",
    `"${sha256}"`,
    'W/"x"',
    String(file.length),
    "gzip",
    "identity",
    "bytes 0-9/10",
  ),
  fc.constantFrom(
    "/cdn/x",
    "http://",
    "http://[",
    "ftp://x/y",
    "javascript:1",
    "/cdn/x?X-Amz-Signature=1",
    "../..",
    "bytes */5",
    "bytes 5-1/3",
  ),
  fc.constantFrom(
    '<http://127.0.0.1:9/a>; rel="xet-auth"',
    "<http://[>; rel=xet-auth",
    "a".repeat(64),
    "GatedRepo",
    "t=1",
    "1",
  ),
);
const headerName = fc.constantFrom(
  ...["location", "etag", "x-linked-etag", "x-linked-size", "x-xet-hash", "link", "content-range", "x-error-code"],
  ...["x-error-message", "retry-after", "content-encoding", "ratelimit", "x-repo-commit"],
);
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 3 });

/** The document as it is, as often as not, so that a fuzz run comes as far as the next door. */
const mostly = <T>(usual: T, unusual: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: unusual });

const asText = (document: unknown): fc.Arbitrary<string> =>
  mostly(
    JSON.stringify(document),
    fc.oneof(
      fc.oneof(changedJson(document), anyJson).map((value) => JSON.stringify(value) ?? ""),
      nastyText,
    ),
  );

const usualResolve = { location: "/cdn/x", "x-linked-size": String(file.length), "x-linked-etag": `"${sha256}"` };

const hubs: fc.Arbitrary<Hub> = fc.record({
  info: asText(repository),
  tree: asText(tree),
  resolve: fc.record({
    status: mostly(302, fc.constantFrom(200, 206, 301, 307, 401, 403, 404, 416)),
    headers: mostly(
      usualResolve,
      headers.map((more) => ({ ...usualResolve, ...more })),
    ) as fc.Arbitrary<Record<string, string>>,
  }),
  cdn: fc.record({
    status: mostly(206, fc.constantFrom(200, 302, 403, 404, 416, 429, 500)),
    headers: mostly({}, headers) as fc.Arbitrary<Record<string, string>>,
    bytes: mostly<Uint8Array | undefined>(undefined, changedBytes(file)),
  }),
  xet: asText({ accessToken: "t", casUrl: "http://127.0.0.1:9", exp: 1e10 }),
});

test(
  "whatever a Hub answers, a pull ends, and what it has published is what was promised",
  () =>
    holds(
      hubs,
      async (one) => {
        hub = one;
        const root = mkdtempSync(join(dir, "case-"));
        const clock = manualClock();
        // Time stands still, but the waits that the puller announces pass at once.
        const log = recordingLog([], (message) => {
          const waitMs = /trying again in (\d+) ms/.exec(message)?.[1];
          if (waitMs) setImmediate(() => void clock.advance(Number(waitMs)));
        });
        const store = openStore(root, { clock, log });
        const settings = { endpoint: `http://127.0.0.1:${server.port}`, offline: false };
        const puller = createPuller({ store, settings, clock, log, converter: testConverter() });
        const model = await allowed(() => puller.pull(hubRef("org/name")));
        if (model) {
          const bytes = readFileSync(store.modelPath(model));
          const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
          expect(model.manifest.files.map((stored) => stored.digest)).toContain(`sha256:${digest}`);
        }
        expect(store.list().map(({ id }) => id)).toEqual(model ? [model.id] : []);
        rmSync(root, { recursive: true });
      },
      { runs: 60 },
    ),
  fuzzTimeoutMs,
);

const pathPiece = fc.oneof(
  fc.constantFrom(
    "model",
    "-00001-of-00002",
    "-00002-of-00002",
    "-99999-of-99999",
    ".gguf",
    ".safetensors",
    "/",
    "Q4_K_M",
    "-Q8_0",
    "mmproj",
    "..",
    "UD-Q4_K_XL",
  ),
  nastyText,
);
const repositoryPath = fc.array(pathPiece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(""));

test(
  "the files that a name means are among the repository's",
  () =>
    holds(
      fc.tuple(fc.array(fc.tuple(repositoryPath, anyJson), { maxLength: 8 }), fc.option(nastyText), nastyText),
      async ([entries, quant, base]) => {
        const files = entries
          .filter(([path]) => isSafePath(path))
          .map(([path, size]) => describeFile(path, { size, sha256: size }));
        const all = { org: "org", name: "name", commit: "main", files };
        const ref = { kind: "hub" as const, org: "org", name: "name", ...(quant !== null && { quant }) };
        for (const choose of [chooseFile, chooseConversion]) {
          const choice = await allowed(() => choose(all, ref));
          for (const part of choice?.parts ?? []) expect(files).toContain(part);
          if (choice) expect(choice.tag).toMatch(/^[\w.-]+$/);
        }
        for (const { path } of files) encodeURIComponent(path);
        isQuantizationOf(base, base);
      },
    ),
  fuzzTimeoutMs,
);
