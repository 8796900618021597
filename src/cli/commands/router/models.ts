import type { RouterModelsResponse } from "../../../api/router.ts";
import { createRouterClient } from "../../../client/router-client.ts";
import { command } from "../../command.ts";
import { toJson } from "../../ui/json.ts";
import { renderTable } from "../../ui/table.ts";
import { show, watchArgs } from "./watch.ts";

type Model = RouterModelsResponse["models"][number];

const columns = [{ title: "MODEL" }, { title: "NODES" }, { title: "STATUS" }];

const nodeColumns = [
  { title: "MODEL" },
  { title: "ID" },
  { title: "HOST", gap: 2 },
  { title: "STATUS" },
  { title: "STATE" },
];

export const models = command({
  args: { nodes: { type: "boolean", description: "Show which node has what, and whether it is loaded" }, ...watchArgs },
  examples: ["llmlb router models", "llmlb router models --nodes", "llmlb router models --json"],
  async run({ nodes, json, watch }, context) {
    const client = createRouterClient(context.routerConnection());
    const render = async (signal: AbortSignal) => {
      const answer = await client.models(signal);
      if (json) return toJson(answer);
      return nodes
        ? renderTable(nodeColumns, answer.models.flatMap(nodeRows))
        : renderTable(columns, answer.models.map(row));
    };
    await show(render, { watch }, context);
  },
});

const row = ({ name, nodes, status }: Model): string[] => [name, String(nodes.length), status];

const nodeRows = ({ name, nodes }: Model): string[][] =>
  nodes.map(({ id, host, status, loaded }) => [name, id, host, status, loaded ? "loaded" : "stored"]);
