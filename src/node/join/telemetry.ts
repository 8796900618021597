import type { NodePrompts } from "../../api/node.ts";
import type { NodeTelemetry } from "../../api/router.ts";
import type { StoredModel } from "../../store/scan-models.ts";
import type { NodeDeps } from "../deps.ts";
import { toDetails } from "../details.ts";
import { nodePrompts, nodeReport } from "../node-report.ts";

/** What this node tells its router over one stream. */
export interface Telemetry {
  /** The next message, when something that matters to a choice has changed or `everyMs` have passed. */
  next(): NodeTelemetry | undefined;
}

const everyMs = 5_000;

/**
 * The first message has everything; the stored models, which may be many, come again only when they are others, and what the models hold in
 * their caches when that has changed, every `everyMs` at the most: it is 22 KB for each.
 */
export const createTelemetry = (deps: NodeDeps): Telemetry => {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let toldRunning = "";
  let toldStored: readonly StoredModel[] | undefined;
  const news = createPromptNews(deps);
  return {
    next() {
      const running = JSON.stringify(
        deps.engine
          .running()
          .map(({ id, pid, users, model, expiresAtMs }) => [id, pid, users, model.slots, expiresAtMs === 0]),
      );
      const isDue = deps.clock.now() - toldAtMs >= everyMs;
      if (!isDue && running === toldRunning) return undefined;
      const stored = deps.store.list(); // looks into folders: not every second
      const prompts = news();
      const message: NodeTelemetry = {
        ...(toldStored === undefined && deps.routerKey !== undefined && { key: deps.routerKey }),
        report: nodeReport(deps),
        ...(stored !== toldStored && { stored: stored.map(toTold) }),
        ...(prompts.length > 0 && { prompts }),
      };
      toldAtMs = deps.clock.now();
      toldRunning = running;
      toldStored = stored;
      return message;
    },
  };
};

/** What is held otherwise than it was last told. */
const createPromptNews = (deps: NodeDeps) => {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let told = new Map<number, number>(); // generation by runner
  return (): NodePrompts[] => {
    if (deps.clock.now() - toldAtMs < everyMs) return [];
    toldAtMs = deps.clock.now();
    const all = nodePrompts(deps);
    const changed = all.filter(({ pid, generation }) => told.get(pid) !== generation);
    told = new Map(all.map(({ pid, generation }) => [pid, generation]));
    return changed;
  };
};

const toTold = ({ name, aliases, sizeBytes, manifest }: StoredModel) => ({
  name,
  ...(aliases.length > 0 && { aliases }),
  size: sizeBytes,
  details: toDetails(manifest),
});
