import type { NodeDevice, NodeModel } from "../../api/node.ts";
import { version } from "../../core/version.ts";
import type { App } from "../../http/create-app.ts";
import type { RouterDeps } from "../deps.ts";
import type { ModelReading, NodeState } from "../types.ts";

/** What a router before this one looks at in a node's report. */
interface ReportAsNode {
  version: string;
  memory: { total_bytes: number; available_bytes: number };
  disk?: { free_bytes: number };
  devices: NodeDevice[];
  models: (Pick<NodeModel, "name" | "slots" | "busy_slots" | "queued"> & Partial<NodeModel>)[];
}

/** `GET /api/node`, by which a router that stands behind another is taken for a node with the models of all of its own. */
export const asNodeRoutes = (app: App, { cluster }: RouterDeps) =>
  app.get("/api/node", () => reportAsNode(cluster.nodes()));

/** The loaded models of all nodes, each once with the slots of all that have it; the memory and the disk of the nodes that have most. */
export const reportAsNode = (nodes: readonly NodeState[]): ReportAsNode => {
  const open = nodes.filter(({ status }) => status === "online" || status === "degraded");
  const available = Math.max(0, ...open.map(({ reading }) => reading.availableBytes ?? 0));
  const disks = open.flatMap(({ reading }) => reading.diskFreeBytes ?? []);
  const models = new Map<string, ReportAsNode["models"][number]>();
  for (const { reading } of open)
    for (const model of reading.models)
      if (model.loaded) models.set(model.name, together(models.get(model.name), model));
  return {
    version,
    memory: { total_bytes: available, available_bytes: available },
    ...(disks.length > 0 && { disk: { free_bytes: Math.max(...disks) } }),
    devices: open.flatMap(({ reading }) => reading.devices ?? []),
    models: [...models.values()],
  };
};

// What a server of another kind does not tell is what its usual settings are.
const slotsUntold = 4;

const together = (sum: ReportAsNode["models"][number] | undefined, model: ModelReading) => {
  const { name, slots = slotsUntold, busySlots = 0, queued = 0, promptTokensPerSecond, contextTokens } = model;
  const speed = Math.max(sum?.prompt_tokens_per_second ?? 0, promptTokensPerSecond ?? 0);
  const context = Math.max(sum?.context_length ?? 0, contextTokens ?? 0);
  return {
    name,
    slots: (sum?.slots ?? 0) + slots,
    busy_slots: (sum?.busy_slots ?? 0) + busySlots,
    queued: (sum?.queued ?? 0) + queued,
    ...(speed > 0 && { prompt_tokens_per_second: speed }),
    ...(context > 0 && { context_length: context }),
  };
};
