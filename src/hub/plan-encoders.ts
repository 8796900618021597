import type { FilePlan } from "../convert/plan-conversion.ts";
import { AppError } from "../core/errors.ts";

/** What a model sees and hears with; nothing of both for a model that only reads. */
export interface Encoders {
  /** How it is converted. */
  projector?: FilePlan;
  /** Why it is not. */
  leftOut?: string;
}

/** What `plan` makes; a reason where it throws one, since the language model can be converted all the same. */
export const orLeftOut = <T extends object>(plan: () => T): T | { leftOut: string } => {
  try {
    return plan();
  } catch (error) {
    if (error instanceof AppError && (error.code === "unsupported" || error.code === "corrupt"))
      return { leftOut: error.message };
    throw error;
  }
};
