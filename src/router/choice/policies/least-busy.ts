import { slotsOf } from "../limits.ts";
import type { Place } from "../model-index.ts";
import { type Policy, pick } from "./policy.ts";

/** Fewest requests for each slot. */
export const leastBusy: Policy = (places, _request, world) => {
  let best: Place[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  for (const place of places) {
    const crowd = (place.load.requests + (place.load.foreignRequests ?? 0)) / slotsOf(place);
    if (crowd > lowest) continue;
    if (crowd < lowest) best = [];
    lowest = crowd;
    best.push(place);
  }
  return { place: pick(best, world.random), reason: "least-busy" };
};
