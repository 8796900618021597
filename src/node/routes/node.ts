import type { NodeReport } from "../../api/node.ts";
import type { App } from "../../http/create-app.ts";
import type { NodeDeps } from "../deps.ts";
import { nodePrompts, nodeReport } from "../node-report.ts";

/** llmlb's own `GET /api/node`. */
export const nodeRoutes = (app: App, deps: NodeDeps) =>
  app.get(
    "/api/node",
    ({ query }): NodeReport => ({
      ...nodeReport(deps),
      ...(query.prompts && { prompts: nodePrompts(deps) }),
      ...(deps.routerKey && { router_key_sha256: sha256(deps.routerKey) }),
    }),
  );

const sha256 = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
