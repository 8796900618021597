import type { NodeKind } from "../../api/router.ts";
import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Registry, StoredNode } from "../registry/registry.ts";
import { hashSecret, newId, newSecret } from "../registry/secret.ts";
import type { Cluster, NodeReading, NodeState } from "../types.ts";
import { checkedAddresses, type Lookup, systemLookup } from "./address-guard.ts";
import { type Ask, type AskOptions, askNode } from "./ask-node.ts";
import { detectKind } from "./detect-kind.ts";
import { Member, type ReportSink } from "./member.ts";
import { nodeUrl } from "./node-url.ts";
import { probes } from "./probes.ts";
import { fieldsOf } from "./read-answer.ts";
import { createRefresh } from "./refresh.ts";

export interface ClusterOptions {
  registry: Registry;
  clock: Clock;
  log: Log;
  /** From 0 to 1; default Math.random. */
  random?: () => number;
  lookup?: Lookup;
  fetch?: AskOptions["fetch"];
}

export interface NewNode {
  url: string;
  name?: string | undefined;
  /** Absent = found out by asking it. */
  kind?: NodeKind | undefined;
  /** Sent to the node as a bearer token. */
  key?: string | undefined;
}

/** The cluster, and what changes it. Every method throws `not_found` for a node that it does not know. */
export interface ManagedCluster extends Cluster {
  /** Throws what `detectKind` does, `forbidden` for an address that is refused and `conflict` for one that is known. */
  add(node: NewNode): Promise<NodeState>;
  /**
   * Takes a node in that asks for it, once it is reached at its address with its key; `mayJoin` is asked then. Resolves with the
   * credential with which it reports. A node that is known by its address becomes this one.
   */
  join(node: NewNode & { key: string }, mayJoin: () => Promise<boolean>): Promise<{ id: string; credential: string }>;
  /** By id or by address. */
  remove(idOrUrl: string): Promise<void>;
  drain(idOrUrl: string, drain: boolean): Promise<NodeState>;
  nodeOfCredential(credential: string): Promise<string | undefined>;
  /** Begins the reports of a node, which is in the cluster again if it had left, and has a new key if one is given. */
  openReports(id: string, key?: string): Promise<ReportSink>;
  /** The node goes by itself: no part of the cluster any more, but it may come back with its credential. */
  leave(id: string): Promise<void>;
  /** Resolves when every node has been asked once. */
  settled(): Promise<void>;
  close(): void;
}

const forgetMs = 30 * 86_400_000; // machines that a cloud lends for an hour leave for ever

/** The nodes of the registry, each of them watched. */
export const createCluster = async (options: ClusterOptions): Promise<ManagedCluster> => {
  const { registry, clock } = options;
  const stored = new Map((await registry.nodes()).map((node) => [node.id, node]));
  for (const { id, leftAtMs = clock.now() } of stored.values())
    if (clock.now() - leftAtMs > forgetMs) {
      await registry.removeNode(id);
      stored.delete(id);
    }
  const book = createBook(options, stored, await registry.upstreamKeys());
  for (const node of stored.values()) if (node.leftAtMs === undefined) book.watch(node).start();
  const { members } = book;
  return {
    nodes: book.snapshot,
    find: (id) => members.get(id)?.state,
    credential: (id) => book.keys.get(id),
    refresh: createRefresh(members, clock),
    note: (id, outcome) => members.get(id)?.note(outcome),
    ...admission(options, book),
    async remove(idOrUrl) {
      const { id } = book.get(idOrUrl);
      await registry.removeNode(id);
      stored.delete(id);
      book.keys.delete(id);
      book.unwatch(id);
    },
    async drain(idOrUrl, draining) {
      const node = book.get(idOrUrl);
      const member = members.get(node.id);
      if (!member) throw new AppError("conflict", `node "${idOrUrl}" has left the cluster`);
      await book.save({ ...node, draining });
      return member.state;
    },
    nodeOfCredential: (credential) => registry.nodeOfCredential(hashSecret(credential)),
    async openReports(id, key) {
      const { leftAtMs, ...record } = book.get(id);
      if (leftAtMs !== undefined) await book.save(record);
      if (key !== undefined) await book.saveKey(id, key);
      return book.watch(record).openReports();
    },
    async leave(id) {
      await book.save({ ...book.get(id), leftAtMs: clock.now() });
      book.unwatch(id);
    },
    settled: async () => void (await Promise.all([...members.values()].map(({ asked }) => asked))),
    close() {
      for (const id of [...members.keys()]) book.unwatch(id);
    },
  };
};

/** Who is known (`stored`), who is watched (`members`) and what is sent to whom (`keys`). */
const createBook = (options: ClusterOptions, stored: Map<string, StoredNode>, keys: Map<string, string>) => {
  const { registry, clock, log, random = Math.random } = options;
  const members = new Map<string, Member>();
  let snapshot: readonly NodeState[] | undefined;
  const onChange = () => {
    snapshot = undefined;
  };
  const find = (idOrUrl: string): StoredNode | undefined =>
    stored.get(idOrUrl) ?? [...stored.values()].find(({ url }) => url === tryUrl(idOrUrl));
  return {
    stored,
    members,
    keys,
    find,
    get(idOrUrl: string): StoredNode {
      const node = find(idOrUrl);
      if (node) return node;
      throw new AppError("not_found", `node "${idOrUrl}" not found`);
    },
    snapshot: (): readonly NodeState[] => {
      snapshot ??= [...members.values()].map(({ state }) => state);
      return snapshot;
    },
    async save(node: StoredNode): Promise<void> {
      await registry.saveNode(node);
      stored.set(node.id, node);
      members.get(node.id)?.change(node);
    },
    async saveKey(id: string, key: string): Promise<void> {
      await registry.saveUpstreamKey(id, key);
      keys.set(id, key);
    },
    /** The member for a node, a new one if need be. */
    watch(node: StoredNode): Member {
      const known = members.get(node.id);
      if (known) return known;
      const credential = () => keys.get(node.id);
      const member = new Member(node, { clock, log, random, ask: askOptions(options), credential, onChange });
      members.set(node.id, member);
      onChange();
      return member;
    },
    unwatch(id: string): void {
      members.get(id)?.stop();
      members.delete(id);
      onChange();
    },
  };
};

type Book = ReturnType<typeof createBook>;

const askOptions = ({ lookup = systemLookup, fetch }: ClusterOptions) => ({ lookup, ...(fetch && { fetch }) });

const tryUrl = (text: string): string | undefined => {
  try {
    return nodeUrl(text);
  } catch {
    return undefined; // an id that is not known
  }
};

/** How nodes come in. */
const admission = (options: ClusterOptions, book: Book): Pick<ManagedCluster, "add" | "join"> => {
  const { registry, clock } = options;
  const admit = async (node: NewNode, url: string, found: Found, joined: boolean): Promise<Member> => {
    const known = book.find(url);
    const record: StoredNode = {
      id: known?.id ?? newId((id) => book.stored.has(id)),
      url,
      ...(node.name ? { name: node.name } : {}),
      kind: found.kind,
      joined,
      draining: false,
      addedAtMs: known?.addedAtMs ?? clock.now(),
    };
    await book.save(record);
    if (node.key !== undefined) await book.saveKey(record.id, node.key);
    const member = book.watch(record);
    if (found.reading) member.know(found.reading);
    else member.start();
    return member;
  };
  const asking = (url: string, key: string | undefined): Ask => askNode(url, key, { ...askOptions(options), clock });
  return {
    async add(node) {
      const url = nodeUrl(node.url);
      const known = book.find(url);
      if (known && known.leftAtMs === undefined)
        throw new AppError("conflict", `${url} is in the cluster already, as ${known.id}`);
      const { lookup = systemLookup } = options;
      if (node.kind) await checkedAddresses(new URL(url).hostname, lookup).catch(unlessForbidden);
      const found = await ask(asking(url, node.key), node.kind).catch((error) => rethrow(error, url));
      return (await admit(node, url, found, false)).state;
    },
    async join(node, mayJoin) {
      const url = nodeUrl(node.url);
      const address = asking(url, node.key);
      const found = await ask(address).catch((error) => rethrow(error, url));
      if (!(await isWhoAsks(address, node.key)))
        throw new AppError(
          "invalid_argument",
          `${url} is not the node that asks to join; --advertise tells its address`,
        );
      if (!(await mayJoin())) throw new AppError("unauthorized", "the join token is unknown, used or expired");
      const { id } = (await admit(node, url, found, true)).state;
      const credential = newSecret("llmlb-node-");
      await registry.saveCredential(id, hashSecret(credential));
      return { id, credential };
    },
  };
};

/** Whoever is at the address has to know the key, or this is another's address. */
const isWhoAsks = async (address: Ask, key: string): Promise<boolean> =>
  fieldsOf((await address("/api/node")).body).router_key_sha256 === hashSecret(key);

interface Found {
  kind: NodeKind;
  /** Absent = it could not be asked, and was added all the same. */
  reading?: NodeReading;
}

/** A node whose kind is given may be one that is not running yet. */
const ask = async (node: Ask, kind?: NodeKind): Promise<Found> => {
  if (kind)
    return await probes[kind](node)
      .then((reading) => ({ kind, reading }))
      .catch(() => ({ kind }));
  const detected = await detectKind(node);
  return { kind: detected, reading: await probes[detected](node) };
};

const unlessForbidden = (error: unknown): void => {
  if (toAppError(error).code === "forbidden") throw error;
};

/** Says which node it is about. A node that cannot be reached is the caller's mistake, not the router's: exit code 1, not 2. */
const rethrow = (thrown: unknown, url: string): never => {
  const { code, message } = toAppError(thrown);
  const told = code === "forbidden" ? code : "invalid_argument";
  throw new AppError(told, `cannot use ${url}: ${message}`, { cause: thrown });
};
