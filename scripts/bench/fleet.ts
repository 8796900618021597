import { type PolicyName, policyNames } from "../../src/router/choice/choose-node.ts";
import { type Chooser, createChooser } from "../../src/router/choice/chooser.ts";
import { createFairQueue } from "../../src/router/choice/fair-queue.ts";
import { type ChoiceLimits, choiceLimits } from "../../src/router/choice/limits.ts";
import { hashPrompt } from "../../src/router/choice/prefix-hash.ts";
import type { NodeState } from "../../src/router/types.ts";
import { nodeState, seededRandom } from "../fixtures/node-states.ts";
import { createEventQueue, type EventQueue } from "./event-queue.ts";
import { createFleetNode, type FleetNodeSpec, type Piece } from "./fleet-node.ts";

const nodeCount = 10;
const chatCount = 150;
const systemCount = 12;
const systemTokens = 6_000;
const turnsMax = 8; // then a chat begins anew
const virtualSeconds = 900;
const warmUpSeconds = 120;
const reportMs = 5_000;

export interface FleetRow {
  policy: PolicyName;
  requestsPerSecond: number;
  /** Seconds to the first token. */
  p50: number;
  p90: number;
  p99: number;
  /** Share of the prompts' tokens that were cached where they went. */
  hitRate: number;
  /** Requests of the busiest node, times the mean. */
  busiest: number;
  answered: number;
  reasons: Record<string, number>;
}

interface Chat {
  pieces: Piece[];
  texts: string[];
  turns: number;
  busy: boolean;
}

/** A fleet in virtual time, the router's choice as it ships: chats that share long beginnings, at several loads, each policy in turn. */
export const benchFleet = async (): Promise<FleetRow[]> =>
  [1, 2, 4, 6, 8].flatMap((rate) => policyNames.map((policy) => simulateFleet(policy, rate)));

/** Half of the nodes are twice as fast as the others. */
const specOf = (index: number): FleetNodeSpec => ({
  slots: 8,
  promptTokensPerSecond: index % 2 ? 4_000 : 2_000,
  streamTokensPerSecond: 60,
  totalTokensPerSecond: index % 2 ? 400 : 200,
  cacheTokens: 100_000,
});

export const simulateFleet = (policy: PolicyName, rate: number, limits: ChoiceLimits = choiceLimits): FleetRow => {
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
    limits,
    random: seededRandom(2),
  });
  const run = createRun(chooser, fleet, events);
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

const newChat = (random: () => number): Chat => {
  const chat: Chat = { pieces: [], texts: [], turns: 0, busy: false };
  begin(chat, random);
  return chat;
};

let ids = 0;

const begin = (chat: Chat, random: () => number) => {
  const system = `system ${Math.floor(random() * systemCount)}`;
  Object.assign(chat, { pieces: [], texts: [], turns: 0 });
  add(chat, system, systemTokens);
};

const add = (chat: Chat, id: string, tokens: number) => {
  chat.pieces.push({ id, tokens });
  chat.texts.push(`${id}, `.repeat(Math.ceil((tokens * 4) / (id.length + 2))).slice(0, tokens * 4));
};

/** Sends requests through the choice, lets them wait where it says so, and keeps the books. */
const createRun = (chooser: Chooser, fleet: ReturnType<typeof createFleetNode>[], events: EventQueue) => {
  const waiting = createFairQueue<() => boolean>({ limit: 1_000_000, limitPerKey: 1_000_000 });
  const times: number[] = [];
  const perNode = fleet.map(() => 0);
  const reasons: Record<string, number> = {};
  const tokens = { prompt: 0, cached: 0 };
  /** False = every node is full. */
  const place = (chat: Chat, answerTokens: number, askedMs: number): boolean => {
    const request = { model: "m", ...hashPrompt("m", chat.texts), excluded: new Set<string>() };
    const choice = chooser.choose(request);
    if (choice.kind !== "node") return false;
    const lease = chooser.begin(choice, request);
    const at = Number(choice.node.id.split("-")[1]);
    let cached = 0;
    fleet[at]?.send({
      pieces: [...chat.pieces],
      answerTokens,
      onFirstToken(known) {
        cached = known;
        lease.firstByte();
        if (askedMs < warmUpSeconds * 1_000) return;
        times.push((events.now() - askedMs) / 1_000);
        tokens.prompt += request.promptTokens;
        tokens.cached += known;
        perNode[at] = (perNode[at] ?? 0) + 1;
        reasons[choice.reason] = (reasons[choice.reason] ?? 0) + 1;
      },
      onEnd() {
        lease.end(cached);
        add(chat, `answer ${ids++}`, answerTokens);
        chat.busy = false;
        while (waiting.shift((retry) => retry())) {}
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
      if (waiting.size > 0 || !place(chat, answerTokens, askedMs))
        waiting.push("key", () => place(chat, answerTokens, askedMs));
    },
    summary() {
      times.sort((a, b) => a - b);
      const at = (share: number) => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(2));
      const mean = times.length / fleet.length;
      const busiest = Number((Math.max(...perNode) / mean).toFixed(2));
      const hitRate = Number((tokens.cached / tokens.prompt).toFixed(3));
      return { p50: at(0.5), p90: at(0.9), p99: at(0.99), hitRate, busiest, answered: times.length, reasons };
    },
  };
};
