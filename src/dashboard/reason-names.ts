import type { MessageKey } from "./text/en.ts";

/** Why a request went to its node, by the router's word for it; an unknown word is shown as it is. */
export const reasonNames: Readonly<Record<string, MessageKey>> = {
  only: "reasonOnly",
  session: "reasonSession",
  prefix: "reasonPrefix",
  "least-loaded": "reasonLeastLoaded",
  "least-busy": "reasonLeastBusy",
  "round-robin": "reasonRoundRobin",
  cold: "reasonCold",
  "two-choices": "reasonTwoChoices",
  explore: "reasonExplore",
};
