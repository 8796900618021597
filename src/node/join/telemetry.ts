import type { NodeTelemetry } from "../../api/router.ts";
import type { StoredModel } from "../../store/scan-models.ts";
import type { NodeDeps } from "../deps.ts";
import { toDetails } from "../details.ts";
import { nodeReport } from "../node-report.ts";

/** What this node tells its router over one stream. */
export interface Telemetry {
  /** The next message, when something that matters to a choice has changed or `everyMs` have passed. */
  next(): NodeTelemetry | undefined;
}

const everyMs = 5_000;

/** The first message has everything; the stored models, which may be many, come again only when they are others. */
export const createTelemetry = (deps: NodeDeps): Telemetry => {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let toldRunning = "";
  let toldStored: readonly StoredModel[] | undefined;
  return {
    next() {
      const running = JSON.stringify(
        deps.engine.running().map(({ id, users, model, expiresAtMs }) => [id, users, model.slots, expiresAtMs === 0]),
      );
      const isDue = deps.clock.now() - toldAtMs >= everyMs;
      if (!isDue && running === toldRunning) return undefined;
      const stored = deps.store.list(); // looks into folders: not every second
      const message: NodeTelemetry = {
        ...(toldStored === undefined && deps.routerKey !== undefined && { key: deps.routerKey }),
        report: nodeReport(deps),
        ...(stored !== toldStored && { stored: stored.map(toTold) }),
      };
      toldAtMs = deps.clock.now();
      toldRunning = running;
      toldStored = stored;
      return message;
    },
  };
};

const toTold = ({ name, aliases, sizeBytes, manifest }: StoredModel) => ({
  name,
  ...(aliases.length > 0 && { aliases }),
  size: sizeBytes,
  details: toDetails(manifest),
});
