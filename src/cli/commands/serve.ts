import { command } from "../command.ts";

export const serve = command({
  args: {
    host: { type: "string", valueHint: "HOST", description: "Address to listen on (default 127.0.0.1, or LLMLB_HOST)" },
    port: { type: "string", alias: "p", valueHint: "PORT", description: "Port to listen on (default 32769)" },
  },
  examples: ["llmlb node serve", "llmlb node serve --host 0.0.0.0 --port 8080", "LLMLB_DEBUG=1 llmlb node serve"],
  async run({ host, port }, { config, stdout }) {
    const settings = config({ ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) });
    const { serveNode } = await import("../../node/serve.ts");
    const { createConsoleLog } = await import("../ui/console-log.ts");
    await serveNode(settings, createConsoleLog(stdout, settings.debugLevel));
  },
});
