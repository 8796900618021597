import type { RouterStatus } from "../../../api/router.ts";
import { createRouterClient } from "../../../client/router-client.ts";
import { command } from "../../command.ts";
import { toJson } from "../../ui/json.ts";
import { show, watchArgs } from "./watch.ts";

export const status = command({
  args: watchArgs,
  examples: ["llmlb router status", "llmlb router status --watch", "llmlb router status --json"],
  async run({ json, watch }, context) {
    const client = createRouterClient(context.routerConnection());
    const render = async (signal: AbortSignal) => {
      const answer = await client.status(signal);
      return json ? toJson(answer) : renderStatus(answer);
    };
    await show(render, { watch }, context);
  },
});

const renderStatus = ({ health, nodes, models, requests_last_hour, vram_utilization }: RouterStatus): string =>
  [
    `Cluster Status: ${health}`,
    "",
    `Nodes:      ${nodeCounts(nodes)}`,
    `Models:     ${withCommas(models)} available`,
    `Requests:   ${withCommas(requests_last_hour)} (last hour)`,
    `VRAM:       ${vram_utilization === undefined ? "-" : `${Math.round(vram_utilization * 100)}% average utilization`}`,
    "",
  ].join("\n");

const nodeCounts = ({ online, offline, degraded, draining }: RouterStatus["nodes"]): string =>
  [
    `${online} online`,
    `${offline} offline`,
    ...(degraded ? [`${degraded} degraded`] : []),
    ...(draining ? [`${draining} draining`] : []),
  ].join(" / ");

const withCommas = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
