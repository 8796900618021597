import { createRouterClient } from "../../../client/router-client.ts";
import { command } from "../../command.ts";
import { humanTime } from "../../ui/human-time.ts";
import { toJson } from "../../ui/json.ts";
import { printable } from "../../ui/printable.ts";
import { renderTable } from "../../ui/table.ts";

const columns = [{ title: "ID" }, { title: "CREATED" }, { title: "EXPIRES" }];

export const createToken = command({
  args: {
    expires: { type: "string", valueHint: "DURATION", description: "How long it is valid: 1h, 30m (default 24h)" },
    json: { type: "boolean", description: "Print JSON" },
  },
  examples: ["llmlb router token create", "llmlb router token create --expires 1h"],
  async run({ expires, json }, { routerConnection, stdout, stderr }) {
    const request = expires === undefined ? {} : { expires_in: expires };
    const created = await createRouterClient(routerConnection()).createToken(request);
    await stdout.write(json ? toJson(created) : `${created.token}\n`); // alone, so that $(...) takes it
    if (!json)
      await stderr.write(
        `It lets one node join, ${humanTime(created.expires_at, Date.now(), "never")} at the latest.\n`,
      );
  },
});

export const listTokens = command({
  args: { json: { type: "boolean", description: "Print JSON" } },
  examples: ["llmlb router token list"],
  async run({ json }, { routerConnection, stdout }) {
    const answer = await createRouterClient(routerConnection()).tokens();
    const time = (timestamp: string) => humanTime(timestamp, Date.now(), "-");
    const rows = answer.tokens.map(({ id, created_at, expires_at }) => [id, time(created_at), time(expires_at)]);
    await stdout.write(json ? toJson(answer) : renderTable(columns, rows));
  },
});

export const revokeToken = command({
  args: { id: { type: "positional", description: "Id of the token, as list shows it" } },
  examples: ["llmlb router token revoke abc123"],
  async run({ id }, { routerConnection, stdout }) {
    await createRouterClient(routerConnection()).revokeToken(id);
    await stdout.write(`revoked '${printable(id)}'\n`);
  },
});
