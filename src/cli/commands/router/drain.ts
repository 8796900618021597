import { createRouterClient } from "../../../client/router-client.ts";
import { command } from "../../command.ts";
import { printable } from "../../ui/printable.ts";

export const drain = command({
  args: {
    node: { type: "positional", completes: "nodes", description: "Id of the node, or its address" },
    off: { type: "boolean", description: "Let it take requests again" },
  },
  examples: ["llmlb router drain abc123", "llmlb router drain abc123 --off"],
  async run({ node, off }, { routerConnection, stdout }) {
    const { status, in_flight } = await createRouterClient(routerConnection()).drain(node, { drain: !off });
    const work = `${in_flight} request${in_flight === 1 ? "" : "s"} running`;
    await stdout.write(`'${printable(node)}' is ${status}${off ? "" : `, ${work}`}\n`);
  },
});
