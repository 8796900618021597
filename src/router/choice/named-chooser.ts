import type { Choice, ChoiceRequest } from "../types.ts";
import type { Chooser } from "./chooser.ts";
import { type ModelNames, resolveModel } from "./resolve-model.ts";

/** A chooser that knows aliases, and goes on to a model's fallbacks where no node can serve it. */
export const createNamedChooser = (
  chooser: Pick<Chooser, "choose" | "begin" | "places">,
  names: () => ModelNames,
): Pick<Chooser, "choose" | "begin"> => {
  const known = { has: (model: string) => isKnown(chooser, model) };
  /** What was chosen for: an alias or a fallback is not the model that the request names. */
  const resolved = new WeakMap<Choice, ChoiceRequest>();
  return {
    choose(request) {
      const { aliases, fallbacks } = names();
      if (aliases.size === 0 && fallbacks.size === 0) return chooser.choose(request);
      let first: Choice | undefined;
      for (const model of resolveModel(request.model, { aliases, fallbacks }, known)) {
        const meant = { ...request, model };
        const choice = chooser.choose(meant);
        resolved.set(choice, meant);
        if (choice.kind === "node" || choice.kind === "wait") return choice;
        first ??= choice;
      }
      return first ?? chooser.choose(request);
    },
    begin: (choice, request) => chooser.begin(choice, resolved.get(choice) ?? request),
  };
};

const isKnown = ({ places }: Pick<Chooser, "places">, model: string): boolean => {
  const { online, degraded, closed } = places(model);
  return [online.loaded, online.cold, degraded.loaded, degraded.cold, closed].some((some) => some.length > 0);
};
