import { AppError, toAppError } from "../../core/errors.ts";
import type { Choice, ChoiceRequest } from "../types.ts";
import { createWaitingLine, type LineOptions, type Offer } from "./waiting-line.ts";

export type NodeChoice = Extract<Choice, { kind: "node" }>;

/** What a choice remembers of a request that is on its way to a node or there. */
export interface Lease {
  /** The first byte of the answer's body came: the prompt is evaluated. */
  firstByte(): void;
  /** The answer is over, whole or not. `cachedTokens`: what the node says that it had of the prompt. A second call does nothing. */
  end(cachedTokens?: number): void;
}

/** Chooses nodes, and knows what it has chosen them for. */
export interface Chooser {
  choose(request: ChoiceRequest): Choice;
  /** Books what was chosen, before anything else is. */
  begin(choice: NodeChoice, request: ChoiceRequest): Lease;
}

/** A request's place on a node, held until its answer has ended. */
export interface Place {
  readonly choice: NodeChoice;
  readonly lease: Lease;
}

export interface Placement {
  /** How many wait for a place. */
  readonly waiting: number;
  /**
   * A place for the request, at once or when one is free. Throws `model_not_found`, `busy` (no node takes requests, or the wait was too
   * long), `rate_limited` (too many of this tenant's wait) and `cancelled`.
   */
  place(request: ChoiceRequest, tenant: string, signal: AbortSignal): Promise<Place>;
}

export interface PlacementOptions extends LineOptions {
  chooser: Chooser;
  /** Has the nodes asked what they have. */
  refresh(): Promise<void>;
}

export const createPlacement = ({ chooser, refresh, ...options }: PlacementOptions): Placement => {
  const line = createWaitingLine(options);
  const look = (request: ChoiceRequest): Offer<Place> | undefined => {
    const choice = chooser.choose(request);
    if (choice.kind === "wait") return undefined;
    if (choice.kind !== "node") throw noPlace(choice, request.model);
    return { cost: choice.uncachedTokens, take: () => take(choice, request) };
  };
  const take = (choice: NodeChoice, request: ChoiceRequest): Place => {
    const lease = chooser.begin(choice, request);
    let held = true;
    const end = (cachedTokens?: number): void => {
      if (!held) return;
      held = false;
      lease.end(cachedTokens);
      line.wake();
    };
    return { choice, lease: { firstByte: () => lease.firstByte(), end } };
  };
  return {
    get waiting() {
      return line.length;
    },
    async place(request, tenant, signal) {
      const { model } = request;
      const waiter = { tenant, model, look: () => look(request) };
      if (line.has(model)) return await line.wait(waiter, signal);
      try {
        const offer = look(request);
        if (offer) return offer.take();
      } catch (error) {
        if (toAppError(error).code !== "model_not_found") throw error;
        await refresh(); // a model that is new on a node is asked for before the node has told of it
        const offer = look(request);
        if (offer) return offer.take();
      }
      return await line.wait(waiter, signal);
    },
  };
};

const noPlace = (choice: Exclude<Choice, { kind: "node" | "wait" }>, model: string): AppError =>
  choice.kind === "unknown-model"
    ? new AppError("model_not_found", `model "${model.slice(0, 200)}" not found: no node has it`)
    : new AppError("busy", choice.reason);
