import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Access } from "./access.ts";
import type { Activity } from "./activity.ts";
import type { ManagedCluster } from "./cluster/create-cluster.ts";
import type { ReportSockets } from "./join/report-sockets.ts";
import type { Registry } from "./registry/registry.ts";
import type { Traffic } from "./traffic.ts";

/** What every route works with. */
export interface RouterDeps {
  config: Config;
  registry: Registry;
  cluster: ManagedCluster;
  access: Access;
  traffic: Traffic;
  activity: Activity;
  reports: ReportSockets;
  clock: Clock;
  log: Log;
}
