/**
 * Everything that is known to go wrong in a pull, one row each: what the user is told, what is on the disk afterwards, and what
 * the network had to carry. Longer than other files so that all rows can be read in one place.
 */
import { describe, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { openJournal } from "../../src/store/partial-journal.ts";
import { watchedDisk } from "./fake-disk.ts";
import { type FaultRow, playRow } from "./fault-row.ts";
import { type HubHarness, largeModel, mib, smallModel } from "./harness.ts";
import { pullInChild } from "./pull-in-child.ts";

/** A pull in another process, killed by SIGKILL when 11 MiB are on the disk. */
const killedPull = async (hub: HubHarness) => {
  const stall = hub.fixture.inject({ on: "cdn", stallAfterBytes: 3 * mib });
  await using child = pullInChild(hub, "org/name");
  await child.saw(({ completed = 0 }) => completed >= 11 * mib);
  child.process.kill("SIGKILL");
  await child.process.exited;
  stall.remove();
};

/** What a power cut leaves: 8 MiB that were synced, and a record of 20 MiB whose last 12 never reached the disk. */
const powerCut = async (hub: HubHarness) => {
  const { sha256: etag, sizeBytes } = largeModel;
  const paths = hub.store.layout.partial(`sha256-${etag}`);
  const model = { host: "huggingface.co", org: "org", name: "name", tag: "Q8_0" };
  await mkdir(hub.store.layout.partials, { recursive: true });
  const data = await open(paths.data, "w");
  await data.truncate(sizeBytes);
  await data.write(largeModel.read(0, 8 * mib), 0, 8 * mib, 0);
  await data.close();
  using journal = await openJournal(paths, { model, isDefault: true, file: "model-Q8_0.gguf", etag, sizeBytes }, [
    [0, 8 * mib],
  ]);
  journal.flush([[0, 20 * mib]]);
  const record = JSON.parse(readFileSync(paths.written, "utf8"));
  writeFileSync(paths.written, JSON.stringify({ ...record, boot: "the boot before" }));
};

const fullAt10MiB = (hub: HubHarness) => hub.error("org/name", { disk: watchedDisk(10 * mib) });

/** The fixture behind HTTPS. */
const relay = async (request: Request, hub: HubHarness, location = (target: string) => target) => {
  const { pathname, search } = new URL(request.url);
  const answer = await fetch(hub.fixture.endpoint + pathname + search, { redirect: "manual" });
  const target = answer.headers.get("location");
  return target === null ? answer : Response.redirect(location(target), 302);
};

const interruptions: FaultRow[] = [
  {
    title: "kill -9 in the same boot: what was written counts",
    before: killedPull,
    after: "published",
    // At most 4 MiB were not in the journal yet; on a busy machine more than 11 were there before the kill.
    sentMiB: [1, 24 - 11 + 4],
    says: [/going on with \d+ bytes that are here/],
  },
  {
    title: "power cut: what was written and not synced does not count",
    before: powerCut,
    after: "published",
    sentMiB: [16, 16],
    says: [`going on with ${8 * mib} bytes that are here`],
  },
  {
    title: "the remote file changed since: starts again and says so",
    before: async (hub) => {
      await fullAt10MiB(hub);
      hub.fixture.publish({ id: "org/name", files: [{ path: "model-Q8_0.gguf", content: smallModel }] });
    },
    repository: { files: [{ path: "model-Q8_0.gguf", content: largeModel }] },
    content: smallModel,
    after: "published",
    sentMiB: [3, 3],
    says: ["info: org/name:Q8_0 changed on the Hub since its download began; starting again"],
  },
  {
    title: "the file changes in mid-download (etag): starts again and says so",
    faults: [{ on: "cdn", etag: '"another"', after: 3, times: 1 }],
    after: "published",
    sentMiB: [24, 48],
    says: ["info: org/name/model-Q8_0.gguf: the file changed on the server; starting again"],
  },
  {
    title: "cut connections: each part goes on where it stopped",
    faults: [{ on: "cdn", cutAfterBytes: mib, times: 5 }],
    after: "published",
    sentMiB: [24, 24 + 5], // what was in the system's buffers when the connection broke
    requests: { resolve: 1, cdn: 6 + 5 },
  },
  {
    title: "a body that ends early: each part goes on where it stopped",
    faults: [{ on: "cdn", truncateTo: mib, times: 3 }],
    after: "published",
    sentMiB: [24, 24],
    requests: { cdn: 6 + 3 },
  },
  {
    title: "a stalled part is dropped after 15 s and fetched again, alone",
    faults: [{ on: "cdn", range: /bytes=0-/, stallAfterBytes: mib, times: 1 }],
    during: async (hub, disk) => {
      await disk.holds(21 * mib); // all that the others and the part itself bring
      await hub.clock.advance(16_000);
    },
    after: "published",
    sentMiB: [24, 24],
    requests: { resolve: 1, cdn: 6 + 1 },
    says: [/at byte 1048576: no bytes for 15 s; trying again/],
  },
  {
    title: "a part far slower than the others is dropped after 5 s and fetched again, alone",
    faults: [
      { on: "cdn", range: /bytes=0-/, stallAfterBytes: mib / 16, times: 1 },
      { on: "cdn", range: /bytes=(4|8|12)\d{6}-/, stallAfterBytes: 3 * mib, times: 3 },
    ],
    during: async (hub, disk) => {
      await disk.holds(9 * mib + mib / 16);
      await hub.clock.advance(1_000); // brings two streams more, for the parts that wait
      await disk.holds(17 * mib + mib / 16);
      await hub.clock.advance(4_500);
      await disk.holds(21 * mib); // the slow part is here, while the three others still stall
      await hub.clock.advance(16_000);
    },
    after: "published",
    sentMiB: [24, 24],
    says: [/at byte 65536: far slower than the others; trying again/],
  },
];

const answers: FaultRow[] = [
  {
    title: "429 of the content network: Retry-After is honoured",
    content: smallModel,
    faults: [{ on: "cdn", status: 429, headers: { "retry-after": "7" }, times: 1 }],
    after: "published",
    sentMiB: [3, 3],
    waitedMs: 7_000,
    says: ["status 429; trying again in 7000 ms"],
  },
  {
    title: "429 of the Hub for metadata and file: RateLimit's t is honoured",
    faults: [
      { on: "api", status: 429, headers: { ratelimit: '"api";r=0;t=55' }, times: 1 },
      { on: "resolve", status: 429, headers: { ratelimit: '"resolvers";r=0;t=33', "retry-after": "300" }, times: 1 },
    ],
    after: "published",
    sentMiB: [24, 24],
    waitedMs: 88_000,
    says: ["status 429; trying again in 55000 ms", "status 429; trying again in 33000 ms"],
  },
  {
    title: "429 that does not end",
    faults: [{ on: "api", status: 429, headers: { "retry-after": "3" } }],
    error: ["rate_limited", "{host} limits the rate of requests; try again later, or set HF_TOKEN for a higher limit"],
    after: "nothing written",
    requests: { api: 4, cdn: 0 },
    waitedMs: 9_000,
  },
  {
    title: "5xx of the Hub and of the content network pass",
    faults: [
      { on: "api", status: 503, times: 1 },
      { on: "resolve", status: 502, times: 1 },
      { on: "cdn", status: 500, times: 2 },
    ],
    after: "published",
    sentMiB: [24, 24],
  },
  {
    title: "an expired address is renewed once for all parts of the file",
    faults: [{ on: "cdn", expired: true, times: 4 }],
    after: "published",
    sentMiB: [24, 24],
    requests: { resolve: 2, cdn: 4 + 6 },
  },
  {
    title: "an address that is refused even when fresh",
    faults: [{ on: "cdn", expired: true }],
    error: [
      "forbidden",
      "{content} refuses the download even with a fresh address (status 403); pull again later to go on",
    ],
    after: "partial kept",
    keptMiB: [0, 0],
    requests: { resolve: 3 },
  },
  {
    title: "the Hub cannot be reached when an address expires: that passes",
    content: smallModel,
    faults: [
      { on: "cdn", expired: true, times: 1 },
      { on: "resolve", status: 503, after: 1, times: 5 },
    ],
    after: "published",
    sentMiB: [3, 3],
  },
  {
    title: "200 with everything to a request for a range: one stream from the first byte",
    faults: [{ on: "cdn", ignoreRange: true }],
    after: "published",
    says: ["the server ignores ranges; starting again"],
  },
  {
    title: "200 to a range, and the one stream is cut: from the first byte again",
    faults: [
      { on: "cdn", ignoreRange: true },
      { on: "cdn", cutAfterBytes: 9 * mib, after: 4, times: 1 },
    ],
    after: "published",
  },
  {
    title: "416: the partial is thrown away",
    faults: [{ on: "cdn", status: 416, after: 2, times: 1 }],
    after: "published",
    sentMiB: [24, 48],
    says: ["the server has no such range; starting again"],
  },
  {
    title: "a wrong Content-Range is not written and asked for again",
    faults: [{ on: "cdn", shiftRange: 4096, times: 3 }],
    after: "published",
    requests: { cdn: 6 + 3 },
  },
  {
    title: "a Content-Range that stays wrong",
    content: smallModel,
    faults: [{ on: "cdn", shiftRange: 4096 }],
    error: [
      "hub_unavailable",
      /^gave up on org\/name\/model-Q8_0.gguf after 8 attempts without progress at \{content\}: wrong Content-Range "bytes \d+-\d+\/3145728"; what was downloaded is kept, pull again to go on$/,
    ],
    after: "partial kept",
    keptMiB: [0, 0],
  },
  {
    title: "a compressed answer is not written and asked for again",
    faults: [{ on: "cdn", headers: { "content-encoding": "br" }, times: 2 }],
    after: "published",
    requests: { cdn: 6 + 2 },
  },
  {
    title: "a redirect loop of the Hub's API",
    faults: [{ on: "api", status: 307, headers: { location: "/api/models/org/name" } }],
    error: ["hub_unavailable", "{endpoint} redirects in a circle"],
    after: "nothing written",
    requests: { api: 6, resolve: 0 },
  },
  {
    title: "a redirect loop of the Hub's files",
    faults: [{ on: "resolve", status: 302, headers: { location: "/org/name/resolve/main/model-Q8_0.gguf" } }],
    error: ["hub_unavailable", "{endpoint} redirects in a circle"],
    after: "nothing written",
    requests: { api: 1, resolve: 6, cdn: 0 },
  },
  {
    title: "a redirect loop of the content network",
    faults: [{ on: "cdn", status: 302, headers: { location: "/again" } }],
    error: [
      "forbidden",
      "{content} refuses the download even with a fresh address (redirected in a circle); pull again later to go on",
    ],
    after: "partial kept",
    keptMiB: [0, 0],
  },
  {
    title: "https to http: refused for metadata",
    front: (request, hub) => Response.redirect(hub.fixture.endpoint + new URL(request.url).pathname, 302),
    error: ["hub_unavailable", "{endpoint} redirects to http:, which is refused"],
    after: "nothing written",
    requests: { api: 0 },
  },
  {
    title: "https to http: refused for the address of a file",
    front: (request, hub) => relay(request, hub),
    error: ["hub_unavailable", "{endpoint} redirects to http:, which is refused"],
    after: "nothing written",
    requests: { resolve: 1, cdn: 0 },
  },
  {
    title: "https to http: refused for the bytes of a file",
    // `localhost` is another origin than 127.0.0.1, as the content network is.
    front: (request, hub) => {
      const { port, hostname, pathname, search } = new URL(request.url);
      if (hostname === "localhost") return Response.redirect(hub.fixture.contentOrigin + pathname + search, 302);
      return relay(request, hub, (target) => `https://localhost:${port}${new URL(target).pathname}`);
    },
    error: [
      "forbidden",
      /^localhost:\d+ refuses the download even with a fresh address \(redirected from https to http:\); pull again later to go on$/,
    ],
    after: "partial kept",
    keptMiB: [0, 0],
    requests: { cdn: 0 },
  },
];

const contents: FaultRow[] = [
  {
    title: "the disk fills up: ends at once, the partial is kept",
    capacityBytes: 10 * mib,
    error: [
      "disk_full",
      /^no space left in \{dir\}\/partial: 1[3-8](\.\d)? MB \(1[3-8]\d{6} bytes\) still needed, \S+ \S+ \(\d{1,7} bytes\) free; what was downloaded is kept: free some space and pull again$/,
    ],
    after: "partial kept",
    keptMiB: [7, 10],
    requests: { resolve: 1 },
  },
  {
    title: "sha256 mismatch: fetched once more",
    faults: [{ on: "cdn", corruptAt: 9 * mib, times: 6 }],
    after: "published",
    sentMiB: [48, 48],
    says: [/^warn: org\/name\/model-Q8_0.gguf arrived damaged: its sha256 is .*; downloading it again$/],
  },
  {
    title: "sha256 mismatch twice: nothing is kept",
    faults: [{ on: "cdn", corruptAt: 9 * mib }],
    error: [
      "corrupt",
      /^org\/name\/model-Q8_0.gguf arrived damaged: its sha256 is [0-9a-f]{64} instead of [0-9a-f]{64}; nothing of it was kept$/,
    ],
    after: "nothing kept",
    sentMiB: [48, 48],
  },
  {
    title: "git-sha1 mismatch of a model that is kept in git: as for sha256",
    repository: { files: [{ path: "model-Q8_0.gguf", content: smallModel, lfs: false }] }, // whose git hash is a lie
    error: [
      "corrupt",
      /^org\/name\/model-Q8_0.gguf arrived damaged: its git-sha1 is [0-9a-f]{40} instead of 0{40}; nothing of it was kept$/,
    ],
    after: "nothing kept",
    sentMiB: [6, 6.001],
  },
  {
    title: "git-sha1 mismatch of the license text: the model comes without it",
    repository: {
      files: [
        { path: "model-Q8_0.gguf", content: largeModel },
        { path: "LICENSE", content: "Do what you like.\n" },
      ],
    },
    faults: [{ on: "resolve", path: /LICENSE/, corruptAt: 3 }],
    after: "published",
    says: [/^debug: no license text of org\/name: "LICENSE" arrived damaged: its git-sha1 is/],
  },
  {
    title: "right bytes that are no usable GGUF: nothing is kept",
    repository: { files: [{ path: "model-Q8_0.gguf", content: smallModel.read(0, 2_000_000) }] },
    error: ["corrupt", /^org\/name\/model-Q8_0.gguf is not a usable GGUF file: tensor "noise" is larger than the file/],
    after: "nothing kept",
  },
];

const beforeTheFirstByte: FaultRow[] = [
  {
    title: "gated, no token: names HF_TOKEN, after one request",
    repository: { gated: "manual" },
    error: [
      "gated",
      'model "org/name" is gated: accept its license at {endpoint}/org/name, then set HF_TOKEN to a token of that account',
    ],
    after: "nothing written",
    requests: { api: 1, resolve: 0, cdn: 0 },
  },
  {
    title: "gated, a token without access",
    repository: { gated: "manual" },
    settings: { token: "hf_other" },
    error: [
      "gated",
      'model "org/name" is gated and the account of HF_TOKEN has no access to it: ask for access at {endpoint}/org/name',
    ],
    after: "nothing written",
    requests: { api: 1, resolve: 1, cdn: 0 },
  },
  {
    title: "private, no token",
    repository: { private: true },
    error: ["model_not_found", 'model "org/name" not found on {host} (or it is private: set HF_TOKEN)'],
    after: "nothing written",
  },
  {
    title: "private, a token without access",
    repository: { private: true },
    settings: { token: "hf_other" },
    error: [
      "model_not_found",
      'model "org/name" not found on {host} (or it is private and HF_TOKEN has no access to it)',
    ],
    after: "nothing written",
  },
  {
    title: "missing repository",
    name: "org/nothing",
    error: ["model_not_found", 'model "org/nothing" not found on {host} (or it is private: set HF_TOKEN)'],
    after: "nothing written",
  },
  {
    title: "disabled repository",
    repository: { disabled: true },
    error: ["forbidden", 'model "org/name" is disabled on {host}'],
    after: "nothing written",
  },
  {
    title: "a token that the Hub does not know",
    settings: { token: "hf_wrong" },
    error: ["unauthorized", '{host} does not accept the token: check HF_TOKEN, or the file that "hf auth login" wrote'],
    after: "nothing written",
  },
  {
    title: "HF_HUB_OFFLINE",
    settings: { offline: true },
    error: ["hub_unavailable", 'cannot pull "org/name": HF_HUB_OFFLINE is set'],
    after: "nothing written",
    requests: { api: 0 },
  },
  {
    title: "unreachable endpoint",
    before: (hub) => hub.fixture.stop(),
    error: ["hub_unavailable", "cannot reach {endpoint}: the connection was refused"],
    after: "nothing written",
  },
  {
    title: "an endpoint that is no Hub",
    front: () => new Response("<html>Please log in</html>"),
    error: ["hub_unavailable", "{endpoint} does not answer as a Hugging Face Hub; check HF_ENDPOINT"],
    after: "nothing written",
  },
  {
    title: "disk too small",
    freeBytes: 1_200_000,
    error: [
      "disk_full",
      'not enough disk space for "org/name": 25 MB needed (25165824 bytes), 1.2 MB free (1200000 bytes) in {dir}',
    ],
    after: "nothing written",
    requests: { api: 1, resolve: 1, cdn: 0 },
  },
  {
    title: "revision not found",
    name: "org/name@v9",
    error: ["not_found", 'revision "v9" of "org/name" not found on {host}'],
    after: "nothing written",
  },
  {
    title: "file not found: lists what there is",
    name: "org/name:other.gguf",
    error: ["not_found", 'file "other.gguf" not found in "org/name"; it has Q8_0'],
    after: "nothing written",
  },
  {
    title: "a file that disappears between metadata and download",
    faults: [{ on: "resolve", status: 404, headers: { "x-error-code": "EntryNotFound" } }],
    error: ["not_found", 'file "model-Q8_0.gguf" not found in "org/name" on {host}'],
    after: "nothing written",
  },
  {
    title: "quantization not found: lists those there are",
    repository: { files: ["Q8_0", "Q4_K_M"].map((quant) => ({ path: `model-${quant}.gguf`, content: smallModel })) },
    name: "org/name:Q2_K",
    error: ["model_not_found", 'model "org/name" has no quantization "Q2_K"; it has Q4_K_M, Q8_0'],
    after: "nothing written",
    requests: { api: 1, resolve: 0 },
  },
  {
    title: "safetensors that are no transformers model",
    repository: { files: [{ path: "unet/diffusion.safetensors", content: "x" }] },
    error: [
      "unsupported",
      'model "org/name" has neither a GGUF file nor weights as transformers saves them (model.safetensors); choose a GGUF repository',
    ],
    after: "nothing written",
  },
  ...["org/../name", "org/na me", "datasets/org/name"].map(
    (name): FaultRow => ({
      title: `invalid name ${name}: no request is made`,
      name,
      error: ["invalid_model_name", /^invalid model name "[^"]+": \S/],
      after: "nothing written",
      requests: { api: 0, resolve: 0, cdn: 0 },
    }),
  ),
];

const matrix = { interruptions, answers, contents, "before the first byte": beforeTheFirstByte };
for (const [part, rows] of Object.entries(matrix))
  describe(part, () => {
    for (const row of rows) test(row.title, () => playRow(row));
  });
