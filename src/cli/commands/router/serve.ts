import { routerPolicies } from "../../../config/router-settings.ts";
import { command } from "../../command.ts";
import { tlsFlags } from "../../tls-flags.ts";

export const serve = command({
  args: {
    host: {
      type: "string",
      valueHint: "HOST",
      description: "Address to listen on (default 127.0.0.1, or LLMLB_ROUTER_HOST)",
    },
    port: { type: "string", alias: "p", valueHint: "PORT", description: "Port to listen on (default 32768)" },
    policy: {
      type: "string",
      valueHint: "POLICY",
      completes: routerPolicies,
      description: "How nodes are chosen: prefix (default), least-busy or round-robin",
    },
    ...tlsFlags,
    "no-auth": { type: "boolean", description: "Listen on a network without any key" },
  },
  examples: [
    "llmlb router serve",
    "LLMLB_API_KEY=secret llmlb router serve --host 0.0.0.0",
    "llmlb router serve --policy least-busy",
  ],
  async run({ host, port, policy, "tls-cert": tlsCert, "tls-key": tlsKey, "no-auth": openToAll }, { config, stdout }) {
    const given = Object.entries({ host, port, policy, tlsCert, tlsKey }).filter(([, value]) => value !== undefined);
    const settings = config(Object.fromEntries(given));
    const { serveRouter } = await import("../../../router/serve.ts");
    const { createConsoleLog } = await import("../../ui/console-log.ts");
    await serveRouter(settings, createConsoleLog(stdout, settings.debugLevel), { openToAll });
  },
});
