import type { CreateKeyRequest, KeyScope, RouterKey } from "../../../api/router.ts";
import { createRouterClient } from "../../../client/router-client.ts";
import { AppError } from "../../../core/errors.ts";
import { command } from "../../command.ts";
import { humanTime } from "../../ui/human-time.ts";
import { toJson } from "../../ui/json.ts";
import { printable } from "../../ui/printable.ts";
import { renderTable } from "../../ui/table.ts";

const scopes: readonly KeyScope[] = ["infer", "read", "admin"];

const columns = [{ title: "ID" }, { title: "NAME" }, { title: "SCOPES" }, { title: "LIMITS" }, { title: "CREATED" }];

export const createKey = command({
  args: {
    name: { type: "positional", description: "Whose it is, for people" },
    scope: {
      type: "string",
      valueHint: "SCOPES",
      completes: scopes,
      description: "infer, read, admin, with commas (default infer,read)",
    },
    rpm: { type: "string", valueHint: "N", description: "Requests a minute that it may make" },
    concurrency: { type: "string", valueHint: "N", description: "Requests that may run at once" },
    json: { type: "boolean", description: "Print JSON" },
  },
  examples: ["llmlb router key create me --scope admin", "llmlb router key create ci --rpm 60 --concurrency 4"],
  async run({ name, scope, rpm, concurrency, json }, { routerConnection, stdout, stderr }) {
    const request: CreateKeyRequest = {
      name,
      ...(scope === undefined ? {} : { scopes: toScopes(scope) }),
      ...(rpm === undefined ? {} : { requests_per_minute: toCount("--rpm", rpm) }),
      ...(concurrency === undefined ? {} : { concurrency: toCount("--concurrency", concurrency) }),
    };
    const created = await createRouterClient(routerConnection()).createKey(request);
    await stdout.write(json ? toJson(created) : `${created.key}\n`); // alone, so that $(...) takes it
    if (!json) await stderr.write("Keep it: it is not shown again. Clients of llmlb send it as LLMLB_API_KEY.\n");
  },
});

export const listKeys = command({
  args: { json: { type: "boolean", description: "Print JSON" } },
  examples: ["llmlb router key list"],
  async run({ json }, { routerConnection, stdout }) {
    const answer = await createRouterClient(routerConnection()).keys();
    await stdout.write(json ? toJson(answer) : renderTable(columns, answer.keys.map(row)));
  },
});

export const revokeKey = command({
  args: { id: { type: "positional", description: "Id of the key, as list shows it" } },
  examples: ["llmlb router key revoke abc123"],
  async run({ id }, { routerConnection, stdout }) {
    await createRouterClient(routerConnection()).revokeKey(id);
    await stdout.write(`revoked '${printable(id)}'\n`);
  },
});

const row = ({ id, name, scopes, requests_per_minute, concurrency, created_at }: RouterKey): string[] => {
  const limits = [
    ...(requests_per_minute === undefined ? [] : [`${requests_per_minute}/min`]),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
  ];
  return [id, name, scopes.join(","), limits.join(", ") || "-", humanTime(created_at, Date.now(), "-")];
};

const toScopes = (text: string): KeyScope[] =>
  text.split(",").map((word) => {
    const scope = scopes.find((one) => one === word.trim());
    if (scope) return scope;
    throw new AppError("invalid_argument", `invalid --scope "${text}": expected infer, read or admin, with commas`);
  });

const toCount = (flag: string, text: string): number => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new AppError("invalid_argument", `invalid ${flag} "${text}": expected a whole number above 0`);
};
