import { type ChoiceLimits, slotsOf } from "./limits.ts";
import type { Place } from "./model-index.ts";

/** Of a node that was not measured: as fast as its peers, so that it is neither starved nor flooded. */
export const speedOf = ({ model }: Place, typical: number | undefined, limits: ChoiceLimits): number =>
  Math.max(1, model.promptTokensPerSecond ?? typical ?? limits.defaultTokensPerSecond);

/** Seconds until a new request's prompt would be begun: prompts before it, and slots that have to come free. */
export const backlogSeconds = (place: Place, speed: number, { holdSeconds, crowdSeconds }: ChoiceLimits): number => {
  const { load } = place;
  const requests = load.requests + (load.foreignRequests ?? 0);
  const slots = slotsOf(place);
  const over = Math.max(0, requests + 1 - slots);
  return load.uncachedTokens / speed + (over * holdSeconds + Math.min(requests, slots) * crowdSeconds) / slots;
};
