import { createRouterClient } from "../../../client/router-client.ts";
import { command } from "../../command.ts";
import { printable } from "../../ui/printable.ts";

export const remove = command({
  args: { node: { type: "positional", completes: "nodes", description: "Id of the node, or its address" } },
  examples: ["llmlb router remove abc123", "llmlb router remove 192.168.1.10:11434"],
  async run({ node }, { routerConnection, stdout }) {
    await createRouterClient(routerConnection()).remove(node);
    await stdout.write(`removed '${printable(node)}'\n`);
  },
});
