import { ollamaVersion } from "../../api/ollama-version.ts";
import { version } from "../../core/version.ts";
import type { App } from "../../http/create-app.ts";
import type { RouterDeps } from "../deps.ts";
import { statusView } from "../views.ts";

/** What is asked to learn whether and what the router is running. */
export const statusRoutes = (app: App, { cluster, traffic }: RouterDeps) => {
  let settled = false;
  void cluster.settled().then(() => {
    settled = true;
  });
  return app
    .get("/health", () => ({ status: "ok" }))
    .get("/ready", () => (settled ? { status: "ok" } : Response.json({ status: "asking the nodes" }, { status: 503 })))
    .get("/api/version", () => ({ version: ollamaVersion }))
    .get("/api/router/status", () =>
      statusView(cluster.nodes(), { version, requestsLastHour: traffic.requestsLastHour() }),
    );
};
