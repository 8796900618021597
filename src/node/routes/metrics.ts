import type { App } from "../../http/create-app.ts";
import type { NodeDeps } from "../deps.ts";

/** What monitoring asks. */
export const metricsRoutes = (app: App, { metrics, machine }: NodeDeps) =>
  app
    .get("/metrics", metrics.scrape)
    .get("/ready", () =>
      machine.report() ? Response.json({ status: "ready" }) : Response.json({ status: "starting" }, { status: 503 }),
    );
