import type { RouterNode } from "../../../api/router.ts";
import { createRouterClient } from "../../../client/router-client.ts";
import { command } from "../../command.ts";
import { toJson } from "../../ui/json.ts";
import { renderTable } from "../../ui/table.ts";
import { show, watchArgs } from "./watch.ts";

const columns = [
  { title: "ID" },
  { title: "HOST", gap: 2 },
  { title: "STATUS" },
  { title: "GPU" },
  { title: "MODELS" },
];

export const nodes = command({
  args: watchArgs,
  examples: ["llmlb router nodes", "llmlb router nodes --watch", "llmlb router nodes --json"],
  async run({ json, watch }, context) {
    const client = createRouterClient(context.routerConnection());
    const render = async (signal: AbortSignal) => {
      const answer = await client.nodes(signal);
      return json ? toJson(answer) : renderTable(columns, answer.nodes.map(row));
    };
    await show(render, { watch }, context);
  },
});

const row = ({ id, url, status, gpus, models }: RouterNode): string[] => [
  id,
  url.replace(/^http:\/\//, ""),
  status,
  gpuNames(gpus ?? []),
  String(models.length),
];

/** `RTX 4090`, `2x RTX 4090`, `RTX 4090, Arc A770`; who made it is known to whoever has it. */
const gpuNames = (gpus: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const gpu of gpus) {
    const name = gpu.replace(/^(NVIDIA|AMD|Intel\(R\)|Intel)\s+/, "").replace(/^(GeForce|Radeon\(TM\))\s+/, "");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => (count > 1 ? `${count}x ${name}` : name)).join(", ") || "-";
};
