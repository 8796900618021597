import { AppError } from "../core/errors.ts";
import { findGgufRepositories, type GgufRepository } from "./find-gguf-repositories.ts";
import type { HubContext } from "./hub-context.ts";
import type { Repository } from "./repository.ts";

/** What `plan` makes; where that finds that the model cannot be converted, the message names repositories that have it as GGUF. */
export const checkConvertible = async <T>(context: HubContext, repository: Repository, plan: () => T): Promise<T> => {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "unsupported") throw error;
    const found = await findGgufRepositories(context, repository);
    throw new AppError("unsupported", inWords(repository, error.message, found), { cause: error });
  }
};

const inWords = ({ org, name }: Repository, reason: string, found: readonly GgufRepository[]): string => {
  const names = found.map(({ id, gated }) => (gated ? `${id} (gated)` : id)).join(", ");
  const instead = found.length > 0 ? `as GGUF it is in ${names}` : "no repository that has it as GGUF was found";
  return `cannot convert "${org}/${name}": ${reason}; ${instead}`;
};
