import { requestsOf, slotsOf } from "../limits.ts";
import type { Place } from "../model-index.ts";
import { backlogSeconds, speedOf } from "../waiting.ts";
import { type Policy, type PolicyWorld, pick } from "./policy.ts";

/**
 * Sticky until saturated. The cheapest place wins: seconds of waiting, and `patience` times the seconds that the prompt's uncached part
 * takes there. So a long cached beginning is worth a wait and a short one is not; but a place that is a ceiling further behind than the
 * least busy one is out, whatever it has cached.
 */
export const prefix: Policy = (places, request, world) => {
  const { cached, limits } = world;
  if (world.random() < limits.explore) return { place: explored(places, world), reason: "explore" };
  const backlogs = new Float64Array(places.length);
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index < places.length; index++) {
    const place = places[index] as Place;
    const speed = speedOf(place, world.promptTokensPerSecond, limits);
    const backlog = backlogSeconds(place, speed, limits);
    backlogs[index] = backlog;
    if (backlog < least) least = backlog;
  }
  let best: Place[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (let index = 0; index < places.length; index++) {
    const backlog = backlogs[index] as number;
    if (backlog - least > limits.ceilingSeconds || backlog > lowest) continue;
    const place = places[index] as Place;
    const uncached = Math.max(0, request.promptTokens - (cached.get(place.node.id) ?? 0));
    const cost = backlog + (limits.patience * uncached) / speedOf(place, world.promptTokensPerSecond, limits);
    if (cost > lowest) continue;
    if (cost < lowest) best = [];
    lowest = cost;
    best.push(place);
  }
  const place = best.length > 1 ? ofTwo(best, world) : (best[0] as Place);
  return { place, reason: reasonFor(place, best.length > 1, request.promptTokens, world) };
};

const reasonFor = ({ node }: Place, tied: boolean, promptTokens: number, { cached }: PolicyWorld) => {
  if ((cached.get(node.id) ?? 0) * 2 >= Math.max(1, promptTokens)) return "prefix";
  return tied ? "two-choices" : "least-loaded";
};

/** Where nothing tells places apart, the better of two random ones: the first would get every request of every router. */
const ofTwo = (places: readonly Place[], world: PolicyWorld): Place => {
  const one = pick(places, world.random);
  const other = pick(places, world.random);
  const crowd = (place: Place) => requestsOf(place) / slotsOf(place);
  return crowd(other) < crowd(one) ? other : one;
};

/** One that was never measured, while there are any. */
const explored = (places: readonly Place[], { random }: PolicyWorld): Place => {
  const unmeasured = places.filter(({ model }) => model.promptTokensPerSecond === undefined);
  return pick(unmeasured.length > 0 ? unmeasured : places, random);
};
