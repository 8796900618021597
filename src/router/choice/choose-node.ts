import type { Choice, ChoiceReason, ChoiceRequest, NodeState } from "../types.ts";
import { hasRoom, requestsOf } from "./limits.ts";
import { freeGpuBytes, memoryFit } from "./memory-fit.ts";
import type { ModelIndex, Place, Places } from "./model-index.ts";
import { leastBusy } from "./policies/least-busy.ts";
import type { Policy, PolicyWorld } from "./policies/policy.ts";
import { prefix } from "./policies/prefix.ts";
import { roundRobin } from "./policies/round-robin.ts";
import { firstByRank } from "./rank.ts";
import { backlogSeconds, speedOf } from "./waiting.ts";

const policies = { prefix, "least-busy": leastBusy, "round-robin": roundRobin } satisfies Record<string, Policy>;

export type PolicyName = keyof typeof policies;

export const policyNames = Object.keys(policies) as PolicyName[];

/** All that a choice depends on besides the request. */
export interface World extends Omit<PolicyWorld, "promptTokensPerSecond"> {
  readonly nodes: readonly NodeState[];
  readonly models: ModelIndex;
  readonly policy: PolicyName;
  /** Where the request's session was before. */
  readonly sessionNode: string | undefined;
}

/** Which node gets a request. Nothing is changed by asking; the same request in the same world has the same answer. */
export const chooseNode = (request: ChoiceRequest, world: World): Choice => {
  const places = world.models.find(world.nodes, request.model);
  const { online, degraded, closed } = places;
  // All nodes that failed of late are better than an error: perhaps it was the network.
  const choice = chooseFrom(online, places, request, world) ?? chooseFrom(degraded, places, request, world);
  if (choice) return choice;
  const known = [online.loaded, online.cold, degraded.loaded, degraded.cold, closed].some(({ length }) => length > 0);
  return known ? { kind: "unavailable", reason: whyNot(places, request) } : { kind: "unknown-model" };
};

/** Loaded before cold: loading takes longer than any answer in flight. Undefined = no node of these. */
const chooseFrom = (
  { loaded, cold }: Places["online"],
  { promptTokensPerSecond }: Places,
  request: ChoiceRequest,
  world: World,
): Choice | undefined => {
  const { excluded } = request;
  const untried = (from: readonly Place[]) =>
    excluded.size > 0 ? from.filter(({ node }) => !excluded.has(node.id)) : from;
  const unloaded = untried(cold);
  // A node that was sent a request for the model is loading it, though it has not told yet; no second one is to begin as well.
  const loading = unloaded.filter((place) => requestsOf(place) > 0);
  const warm = loading.length > 0 ? [...untried(loaded), ...loading] : untried(loaded);
  const ready = withRoom(warm, world);
  if (ready.length > 0) {
    const { place, reason } = chooseReady(ready, warm.length, request, { ...world, promptTokensPerSecond });
    return chosen(place, reason, request, world);
  }
  const fitting = unloaded.filter((place) => !loading.includes(place) && memoryFit(place) !== "never");
  const startable = fitting.filter((place) => hasRoom(place, world.limits));
  if (startable.length > 0) return chosen(bestToLoad(startable), "cold", request, world);
  return warm.length + fitting.length > 0 ? { kind: "wait" } : undefined;
};

/** The same array where all have room, the usual case: a decision among a thousand nodes then copies nothing. */
const withRoom = (places: readonly Place[], { limits }: World): readonly Place[] => {
  for (let index = 0; index < places.length; index++)
    if (!hasRoom(places[index] as Place, limits)) return places.filter((place) => hasRoom(place, limits));
  return places;
};

type ReadyWorld = PolicyWorld & Pick<World, "policy" | "sessionNode">;

const chooseReady: (
  ready: readonly Place[],
  candidates: number,
  request: ChoiceRequest,
  world: ReadyWorld,
) => ReturnType<Policy> = (ready, candidates, request, world) => {
  const [first] = ready as [Place];
  if (candidates === 1) return { place: first, reason: "only" };
  const last = world.sessionNode && ready.find(({ node }) => node.id === world.sessionNode);
  if (last && !isFarBehind(last, ready, world)) return { place: last, reason: "session" };
  return policies[world.policy](ready, request, world);
};

/** Further behind than the ceiling allows, measured from the least busy place: where all are late, moving helps nobody. */
const isFarBehind = (place: Place, ready: readonly Place[], world: ReadyWorld): boolean => {
  const { limits } = world;
  const behind = (one: Place) => backlogSeconds(one, speedOf(one, world.promptTokensPerSecond, limits), limits);
  const own = behind(place);
  return own > limits.ceilingSeconds && ready.some((other) => own - behind(other) > limits.ceilingSeconds);
};

/** Without unloading anything, then where least is going on, then where most GPU memory is free. */
const bestToLoad = (places: readonly Place[]): Place => {
  const rank = (place: Place) => [memoryFit(place) === "free" ? 0 : 1, place.load.requests, -freeGpuBytes(place)];
  return firstByRank(places, rank);
};

const chosen = (
  { node, model }: Place,
  reason: ChoiceReason,
  { promptTokens }: ChoiceRequest,
  { cached }: World,
): Choice => ({
  kind: "node",
  node,
  model,
  reason,
  uncachedTokens: Math.max(0, promptTokens - (cached.get(node.id) ?? 0)),
});

const whyNot = ({ online, degraded, closed }: Places, { excluded }: ChoiceRequest): string => {
  const open = [online.loaded, online.cold, degraded.loaded, degraded.cold].flat();
  if (open.some(({ node }) => excluded.has(node.id))) return "every node that has the model was tried";
  if (open.length > 0) return "no node has the memory to load the model";
  const draining = closed.filter(({ node }) => node.status === "draining").length;
  return draining > 0
    ? "the nodes that have the model are draining or offline"
    : "the nodes that have the model are offline";
};
