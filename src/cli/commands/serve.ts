import { command } from "../command.ts";
import { tlsFlags } from "../tls-flags.ts";

export const serve = command({
  args: {
    host: { type: "string", valueHint: "HOST", description: "Address to listen on (default 127.0.0.1, or LLMLB_HOST)" },
    port: { type: "string", alias: "p", valueHint: "PORT", description: "Port to listen on (default 32769)" },
    ...tlsFlags,
    router: { type: "string", valueHint: "URL", description: "Take part in the cluster of this router" },
    "join-token": {
      type: "string",
      valueHint: "TOKEN",
      description: 'From "llmlb router token create"; needed once, better in LLMLB_JOIN_TOKEN',
    },
    advertise: {
      type: "string",
      valueHint: "URL",
      description: "Where the router reaches this node, if not where it listens",
    },
    "no-auth": { type: "boolean", description: "Listen on a network without LLMLB_API_KEY" },
  },
  examples: [
    "llmlb node serve",
    "LLMLB_API_KEY=secret llmlb node serve --host 0.0.0.0 --port 8080",
    "LLMLB_JOIN_TOKEN=llmlb-join-... llmlb node serve --host 0.0.0.0 --router http://192.168.1.2:32768",
    "LLMLB_DEBUG=1 llmlb node serve",
  ],
  async run({ "no-auth": openToAll, "tls-cert": tlsCert, "tls-key": tlsKey, ...flags }, { config, stdout }) {
    const { host, port, router, "join-token": joinToken, advertise } = flags;
    const all = { host, port, tlsCert, tlsKey, router, joinToken, advertise };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    const settings = config(Object.fromEntries(given));
    const { serveNode } = await import("../../node/serve.ts");
    const { createConsoleLog } = await import("../ui/console-log.ts");
    await serveNode(settings, createConsoleLog(stdout, settings.debugLevel), { openToAll });
  },
});
