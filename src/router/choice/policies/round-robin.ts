import type { Place } from "../model-index.ts";
import type { Policy } from "./policy.ts";

/** One after the other, whatever they do. */
export const roundRobin: Policy = (places, _request, { cursor }) => ({
  place: places[cursor % places.length] as Place,
  reason: "round-robin",
});
