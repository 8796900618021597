import { AppError } from "../core/errors.ts";
import { type ModelRef, parseModelRef } from "../core/model-ref.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { NodeDeps } from "./deps.ts";

/** The name in a request. Throws `invalid_argument` when there is none, `invalid_model_name` when it is malformed. */
export const parseName = ({ config }: Pick<NodeDeps, "config">, name: string | undefined): ModelRef => {
  if (!name) throw new AppError("invalid_argument", "model is required");
  return parseModelRef(name, config.hub.endpoint);
};

/** The stored model that a request names. Throws like `parseName`, and `model_not_found`. */
export const findModel = (deps: NodeDeps, name: string | undefined): StoredModel =>
  deps.store.get(parseName(deps, name));
