import type { NodeDevice } from "../api/node.ts";
import type { NodeStatus, RouterModelsResponse, RouterNode, RouterNodeModel, RouterStatus } from "../api/router.ts";
import { modelKey } from "./cluster/index-models.ts";
import type { ModelReading, NodeState } from "./types.ts";

/** What the router's own API tells of its nodes. */

const date = (ms: number): string => new Date(ms).toISOString();

const gpusOf = ({ reading }: NodeState): readonly NodeDevice[] | undefined =>
  reading.devices?.filter(({ kind }) => kind === "gpu" || kind === "igpu");

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

export const nodeView = (node: NodeState, inFlight: number): RouterNode => {
  const { id, url, name, kind, status, reason, joined, reading, addedAtMs, lastSeenMs } = node;
  const gpus = gpusOf(node);
  const temperatures = gpus?.flatMap(({ temperature_celsius }) => temperature_celsius ?? []) ?? [];
  return {
    id,
    url,
    ...(name !== undefined && { name }),
    kind,
    status,
    ...(reason !== undefined && { reason }),
    joined,
    ...(reading.version !== undefined && { version: reading.version }),
    ...(gpus && { gpus: gpus.map(({ description }) => description) }),
    ...(gpus?.length && {
      vram: {
        total_bytes: sum(gpus.map(({ total_bytes }) => total_bytes)),
        free_bytes: sum(gpus.map(({ free_bytes }) => free_bytes)),
      },
    }),
    ...(temperatures.length > 0 && { temperature_celsius: Math.max(...temperatures) }),
    ...(reading.devices && { devices: [...reading.devices] }),
    ...(reading.availableBytes !== undefined && { available_memory_bytes: reading.availableBytes }),
    ...(reading.diskFreeBytes !== undefined && { free_disk_bytes: reading.diskFreeBytes }),
    in_flight: inFlight,
    models: reading.models.map(modelOf),
    added_at: date(addedAtMs),
    ...(lastSeenMs !== undefined && { last_seen_at: date(lastSeenMs) }),
  };
};

const modelOf = ({ name, loaded, slots, busySlots, queued, promptTokensPerSecond }: ModelReading): RouterNodeModel => ({
  name,
  loaded,
  ...(slots !== undefined && { slots }),
  ...(busySlots !== undefined && { busy_slots: busySlots }),
  ...(queued !== undefined && { queued }),
  ...(promptTokensPerSecond !== undefined && { prompt_tokens_per_second: promptTokensPerSecond }),
});

type ModelView = RouterModelsResponse["models"][number];

const takesRequests = (status: NodeStatus): boolean => status === "online" || status === "degraded";

/** Every model of every node, once; nodes of other kinds may write a name otherwise. */
export const modelViews = (nodes: readonly NodeState[]): ModelView[] => {
  const views = new Map<string, ModelView>();
  for (const { id, url, status, reading } of nodes) {
    for (const { name, loaded } of reading.models) {
      const view = views.get(modelKey(name)) ?? { name, status: "unavailable", nodes: [] };
      views.set(modelKey(name), view);
      view.nodes.push({ id, host: hostOf(url), status, loaded });
      if (takesRequests(status)) view.status = "available";
    }
  }
  return [...views.values()].sort((a, b) => a.name.localeCompare(b.name));
};

/** The keys of those that `modelViews` has as available. */
const availableModels = (nodes: readonly NodeState[]): ReadonlySet<string> =>
  new Set(
    nodes.flatMap(({ status, reading }) =>
      takesRequests(status) ? reading.models.map(({ name }) => modelKey(name)) : [],
    ),
  );

const hostOf = (url: string): string => url.replace(/^http:\/\//, "");

const healthOf = (nodes: readonly NodeState[]): RouterStatus["health"] => {
  if (!nodes.some(({ status }) => takesRequests(status))) return "down";
  return nodes.every(({ status }) => status === "online") ? "healthy" : "degraded";
};

export const statusView = (
  nodes: readonly NodeState[],
  { version, requestsLastHour }: { version: string; requestsLastHour: number },
): RouterStatus => {
  const counts: Record<NodeStatus, number> = { online: 0, degraded: 0, draining: 0, offline: 0 };
  for (const { status } of nodes) counts[status]++;
  const gpus = nodes.filter(({ status }) => status !== "offline").flatMap((node) => gpusOf(node) ?? []);
  const totalBytes = sum(gpus.map(({ total_bytes }) => total_bytes));
  const freeBytes = sum(gpus.map(({ free_bytes }) => free_bytes));
  return {
    version,
    health: healthOf(nodes),
    nodes: counts,
    models: availableModels(nodes).size,
    requests_last_hour: requestsLastHour,
    ...(totalBytes > 0 && { vram_utilization: (totalBytes - freeBytes) / totalBytes }),
  };
};
