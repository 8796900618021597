import type { ChoiceReason, ChoiceRequest } from "../../types.ts";
import type { ChoiceLimits } from "../limits.ts";
import type { Place } from "../model-index.ts";

/** What a policy may look at. */
export interface PolicyWorld {
  readonly limits: ChoiceLimits;
  /** Node -> tokens of this prompt that are probably in its cache. */
  readonly cached: ReadonlyMap<string, number>;
  /** Typical speed of evaluating prompts of this model; undefined = no node was measured. */
  readonly promptTokensPerSecond: number | undefined;
  /** Grows by one with each choice. */
  readonly cursor: number;
  /** 0 to 1, exclusive. */
  random(): number;
}

/** Picks one of the places, of which there is at least one; each is ready and has room. */
export type Policy = (
  places: readonly Place[],
  request: ChoiceRequest,
  world: PolicyWorld,
) => { readonly place: Place; readonly reason: ChoiceReason };

export const pick = <T>(of: readonly T[], random: () => number): T => of[Math.floor(random() * of.length)] as T;
