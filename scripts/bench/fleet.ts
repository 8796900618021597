import { hashPrompt } from "../../src/core/prompt-prefix.ts";
import { type PolicyName, policyNames } from "../../src/router/choice/choose-node.ts";
import { type Chooser, createChooser } from "../../src/router/choice/chooser.ts";
import { createFairQueue } from "../../src/router/choice/fair-queue.ts";
import type { NodeState } from "../../src/router/types.ts";
import { nodeState, seededRandom } from "../fixtures/node-states.ts";
import { createEventQueue, type EventQueue } from "./event-queue.ts";
import { createFleetNode, type FleetNodeSpec, type Piece } from "./fleet-node.ts";

const nodeCount = 10;
const systemCount = 12;
const systemTokens = 6_000;
const turnsMax = 8; // then a chat begins anew
const virtualSeconds = 900;
const warmUpSeconds = 120;
const reportMs = 5_000;

/** How the waiting line is served: as it ships, or strictly in turn. Whose the chats are: all one key's, or each its own key's. */
export interface FleetLine {
  served: "cheapest" | "in turn";
  keys: "one" | "each chat";
}

export interface FleetRow {
  policy: PolicyName;
  line?: FleetLine;
  requestsPerSecond: number;
  /** Seconds to the first token. */
  p50: number;
  p90: number;
  p99: number;
  /** Seconds to the last token. */
  wholeP50: number;
  wholeP90: number;
  /** Share of the prompts' tokens that were cached where they went. */
  hitRate: number;
  /** Requests of the busiest node, times the mean. */
  busiest: number;
  answered: number;
  reasons: Record<string, number>;
}

interface Chat {
  key: string;
  pieces: Piece[];
  texts: string[];
  turns: number;
  busy: boolean;
}

/** A fleet in virtual time, the router's choice as it ships: chats that share long beginnings, at several loads, each policy in turn. */
export const benchFleet = async (): Promise<FleetRow[]> => [
  ...[1, 2, 4, 8, 12, 16, 20].flatMap((rate) => policyNames.map((policy) => simulateFleet(policy, rate))),
  ...lines.map((line) => ({ ...simulateFleet("prefix", 20, { chatCount: 400, line }), line })),
];

/** For more chats than all nodes may queue, so that many wait in the router. */
const lines = (["one", "each chat"] as const).flatMap((keys) =>
  (["cheapest", "in turn"] as const).map((served): FleetLine => ({ served, keys })),
);

/** Half of the nodes are twice as fast as the others. */
const specOf = (index: number): FleetNodeSpec => ({
  slots: 8,
  promptTokensPerSecond: index % 2 ? 4_000 : 2_000,
  streamTokensPerSecond: 60,
  totalTokensPerSecond: index % 2 ? 400 : 200,
  cacheTokens: 100_000,
});

export const simulateFleet = (
  policy: PolicyName,
  rate: number,
  { chatCount = 150, line = { served: "cheapest", keys: "one" } }: { chatCount?: number; line?: FleetLine } = {},
): FleetRow => {
  const events = createEventQueue();
  const random = seededRandom(1);
  const fleet = Array.from({ length: nodeCount }, (_, index) => createFleetNode(specOf(index), events));
  const read = () => fleet.map((node, index) => nodeState(`node-${index}`, [node.reading()]));
  let nodes: readonly NodeState[] = read();
  for (let ms = reportMs; ms < virtualSeconds * 1_000; ms += reportMs) events.after(ms, () => (nodes = read()));
  const chooser = createChooser({
    cluster: { nodes: () => nodes },
    clock: events,
    policy,
    random: seededRandom(2),
  });
  const run = createRun(chooser, fleet, events, line);
  const chats = Array.from({ length: chatCount }, () => newChat(random));
  for (let ms = 0; ms < virtualSeconds * 1_000; ms += (-Math.log(1 - random()) / rate) * 1_000) {
    events.after(ms, () => {
      const free = chats.filter(({ busy }) => !busy);
      const chat = free[Math.floor(random() * free.length)];
      if (chat) run.ask(chat, random);
    });
  }
  events.run();
  return { policy, requestsPerSecond: rate, ...run.summary() };
};

let ids = 0;

const newChat = (random: () => number): Chat => {
  const chat: Chat = { key: `key ${ids++}`, pieces: [], texts: [], turns: 0, busy: false };
  begin(chat, random);
  return chat;
};

const begin = (chat: Chat, random: () => number) => {
  const system = `system ${Math.floor(random() * systemCount)}`;
  Object.assign(chat, { pieces: [], texts: [], turns: 0 });
  add(chat, system, systemTokens);
};

const add = (chat: Chat, id: string, tokens: number) => {
  chat.pieces.push({ id, tokens });
  chat.texts.push(`${id}, `.repeat(Math.ceil((tokens * 4) / (id.length + 2))).slice(0, tokens * 4));
};

/** What happened after the warm-up. */
const createBooks = (nodes: number) => {
  const first: number[] = [];
  const whole: number[] = [];
  const perNode: number[] = new Array(nodes).fill(0);
  const reasons: Record<string, number> = {};
  const tokens = { prompt: 0, cached: 0 };
  const at = (of: number[], share: number) =>
    Number((of.toSorted((a, b) => a - b)[Math.floor(of.length * share)] ?? 0).toFixed(2));
  return {
    first(seconds: number, node: number, reason: string, promptTokens: number, cachedTokens: number) {
      first.push(seconds);
      tokens.prompt += promptTokens;
      tokens.cached += cachedTokens;
      perNode[node] = (perNode[node] ?? 0) + 1;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    },
    whole: (seconds: number) => void whole.push(seconds),
    summary: () => ({
      ...{ p50: at(first, 0.5), p90: at(first, 0.9), p99: at(first, 0.99) },
      ...{ wholeP50: at(whole, 0.5), wholeP90: at(whole, 0.9) },
      hitRate: Number((tokens.cached / tokens.prompt).toFixed(3)),
      busiest: Number(((Math.max(...perNode) * nodes) / first.length).toFixed(2)),
      answered: whole.length,
      reasons,
    }),
  };
};

const requestOf = ({ texts }: Chat) => ({ model: "m", ...hashPrompt(texts), excluded: new Set<string>() });

/** Sends requests through the choice, and lets them wait where it says so. */
const createRun = (
  chooser: Chooser,
  fleet: ReturnType<typeof createFleetNode>[],
  events: EventQueue,
  line: FleetLine,
) => {
  const waiting = createFairQueue<{ attempt(): boolean; cost(): number }>({ limit: 1_000_000, limitPerKey: 1_000_000 });
  const books = createBooks(fleet.length);
  /** False = every node is full. */
  const place = (chat: Chat, answerTokens: number, askedMs: number): boolean => {
    const request = requestOf(chat);
    const choice = chooser.choose(request);
    if (choice.kind !== "node") return false;
    const lease = chooser.begin(choice, request);
    const at = Number(choice.node.id.split("-")[1]);
    const counts = askedMs >= warmUpSeconds * 1_000;
    const seconds = () => (events.now() - askedMs) / 1_000;
    let cached = 0;
    fleet[at]?.send({
      pieces: [...chat.pieces],
      answerTokens,
      onFirstToken(known) {
        cached = known;
        lease.firstByte();
        if (counts) books.first(seconds(), at, choice.reason, request.promptTokens, known);
      },
      onEnd() {
        lease.end(cached);
        if (counts) books.whole(seconds());
        add(chat, `answer ${ids++}`, answerTokens);
        chat.busy = false;
        const cost = (one: { cost(): number }) => (line.served === "cheapest" ? one.cost() : Math.min(1, one.cost()));
        const next = waiting.shiftCheapest(cost);
        if (next && !next.attempt()) throw new Error("a request was to fit and did not");
      },
    });
    return true;
  };
  return {
    ask(chat: Chat, random: () => number) {
      if (chat.turns++ >= turnsMax) begin(chat, random);
      chat.busy = true;
      add(chat, `question ${ids++}`, Math.ceil(30 + random() * 300));
      const answerTokens = Math.ceil(30 + random() * 300);
      const askedMs = events.now();
      const attempt = () => place(chat, answerTokens, askedMs);
      const request = requestOf(chat);
      const cost = () => {
        const choice = chooser.choose(request);
        return choice.kind === "node" ? choice.uncachedTokens : Number.POSITIVE_INFINITY;
      };
      if (waiting.size > 0 || !attempt()) waiting.push(line.keys === "one" ? "key" : chat.key, { attempt, cost });
    },
    summary: books.summary,
  };
};
