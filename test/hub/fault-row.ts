import { expect } from "bun:test";
import { existsSync } from "node:fs";
import type { HubFixtureOptions } from "../../scripts/fixtures/hub.ts";
import type { FixtureContent } from "../../scripts/fixtures/hub-content.ts";
import type { HubDoor, HubFault } from "../../scripts/fixtures/hub-faults.ts";
import type { FixtureRepository } from "../../scripts/fixtures/hub-repository.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { HubSettings } from "../../src/core/hub-settings.ts";
import { rangesTotal } from "../../src/store/byte-ranges.ts";
import { readPartial } from "../../src/store/partial-journal.ts";
import { httpsFront } from "../fakes/https-front.ts";
import { type WatchedDisk, watchedDisk } from "./fake-disk.ts";
import { type HubHarness, hubHarness, largeModel, mib, storedSha256 } from "./harness.ts";

/** One line of the fault matrix: what goes wrong, and what must be there afterwards. */
export interface FaultRow {
  title: string;
  /** The repository `org/name`; default: one Q8_0 file of 24 MiB, which are six parts. */
  repository?: Partial<FixtureRepository>;
  hub?: Partial<HubFixtureOptions>;
  /** What happens before the faults, for example an earlier pull that is killed. */
  before?(hub: HubHarness): Promise<unknown> | unknown;
  faults?: HubFault[];
  /** An HTTPS server that the pull is sent to instead of the fixture. */
  front?(request: Request, hub: HubHarness): Response | Promise<Response>;
  /** What is pulled; default: `org/name`. */
  name?: string;
  settings?: Partial<HubSettings>;
  /** Bytes after which the disk is full, and what it says to be free before the first. */
  capacityBytes?: number;
  freeBytes?: number;
  /** What happens beside the pull. */
  during?(hub: HubHarness, disk: WatchedDisk): Promise<unknown>;
  /** Code and message; {host}, {endpoint}, {content} and {dir} stand for the fixture's. Absent = the pull succeeds. */
  error?: [code: ErrorCode, message: string | RegExp];
  after: "nothing written" | "nothing kept" | "partial kept" | "published";
  /** The content that is published, now or by the next pull; default: the 24 MiB. */
  content?: FixtureContent;
  /** MiB that the fixture sent for this pull, at least and at most. */
  sentMiB?: [number, number];
  /** MiB of a partial that count afterwards, at least and at most. */
  keptMiB?: [number, number];
  requests?: Partial<Record<HubDoor, number>>;
  /** Parts of lines that the log has, each once. */
  says?: (string | RegExp)[];
  /** Time that passed. */
  waitedMs?: number;
}

/** Plays a row against a fixture of its own. */
export const playRow = async (row: FaultRow): Promise<void> => {
  const content = row.content ?? largeModel;
  const repository = { id: "org/name", files: [{ path: "model-Q8_0.gguf", content }], ...row.repository };
  await using hub = hubHarness({ repositories: [repository], tokens: ["hf_other"], ...row.hub });
  using front = row.front && httpsFront((request) => row.front?.(request, hub) ?? new Response());
  await row.before?.(hub);
  const before = { sent: hub.fixture.sentBytes(), requests: hub.fixture.requests.length, ms: hub.clock.now() };
  const injected = (row.faults ?? []).map((fault) => hub.fixture.inject(fault));
  const disk = watchedDisk(row.capacityBytes, row.freeBytes);
  const endpoint = front?.endpoint ?? hub.fixture.endpoint;
  const pulling = row.error
    ? hub.error(row.name ?? "org/name", { disk, settings: { endpoint, ...row.settings } })
    : hub.pull(row.name ?? "org/name", { disk, settings: { endpoint, ...row.settings } });
  await row.during?.(hub, disk);
  const outcome = await pulling;
  if (row.error) checkError(outcome, row.error, hub, endpoint);
  if (row.waitedMs !== undefined) expect(hub.clock.now() - before.ms).toBe(row.waitedMs);
  if (row.sentMiB) expectWithin((hub.fixture.sentBytes() - before.sent) / mib, row.sentMiB);
  for (const line of row.says ?? []) expect(hub.lines.filter((text) => isIn(line, text))).toHaveLength(1);
  const requests = hub.fixture.requests.slice(before.requests);
  for (const [door, count] of Object.entries(row.requests ?? {}))
    expect(`${door}: ${requests.filter((request) => request.door === door).length}`).toBe(`${door}: ${count}`);
  for (const fault of injected) fault.remove();
  await checks[row.after](hub, row, content);
};

const checkError = (thrown: unknown, [code, wanted]: [string, string | RegExp], hub: HubHarness, endpoint: string) => {
  const { code: found, message, exitCode } = thrown as Awaited<ReturnType<HubHarness["error"]>>;
  const names: Record<string, string> = {
    host: new URL(endpoint).host,
    endpoint,
    content: new URL(hub.fixture.contentOrigin).host,
    dir: hub.dir,
  };
  // The names of this run's fixture are put back into placeholders, longest first, so that rows can be plain texts.
  const general = Object.entries(names)
    .sort(([, a], [, b]) => b.length - a.length)
    .reduce((text, [name, value]) => text.replaceAll(value, `{${name}}`), message);
  if (typeof wanted === "string") expect(`${found}: ${general}`).toBe(`${code}: ${wanted}`);
  else expect(general).toMatch(wanted);
  expect<object>({ code: found, exitCode, oneLine: !/[\r\n]/.test(message) }).toEqual({
    code,
    exitCode: 1,
    oneLine: true,
  });
};

const expectWithin = (value: number, [least, most]: [number, number]) => {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
};

const isIn = (wanted: string | RegExp, line: string) =>
  typeof wanted === "string" ? line.includes(wanted) : wanted.test(line);

const checks: Record<
  FaultRow["after"],
  (hub: HubHarness, row: FaultRow, content: FixtureContent) => Promise<void> | void
> = {
  "nothing written": (hub) => expect(existsSync(hub.dir)).toBe(false),
  "nothing kept": (hub) => expect(hub.files()).toEqual([]),
  published: (hub, _, content) => {
    const [model] = hub.store.list();
    expect(model && storedSha256(hub.store, model)).toBe(content.sha256);
    expect(hub.files().filter((file) => file.startsWith("partial/"))).toEqual([]);
  },
  "partial kept": async (hub, row, content) => {
    const paths = hub.store.layout.partial(`sha256-${content.sha256}`);
    const kept = rangesTotal((await readPartial(paths))?.have ?? []);
    expectWithin(kept / mib, row.keptMiB ?? [0, content.sizeBytes / mib]);
    expect(hub.files().filter((file) => !file.startsWith("partial/"))).toEqual([]);
    const sent = hub.fixture.sentBytes();
    await hub.pull("org/name");
    expect(hub.fixture.sentBytes() - sent).toBe(content.sizeBytes - kept); // the next pull fetches just the rest
    await checks.published(hub, row, content);
  },
};
