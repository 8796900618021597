import type { Clock } from "../../core/clock.ts";
import type { RouterGauges, RouterMetrics } from "./metrics.ts";
import type { RequestRecord } from "./request-record.ts";

export interface LazyRouterMetrics {
  count(record: RequestRecord): void;
  /** What `GET /metrics` answers. */
  scrape(): Promise<Response>;
}

const loadAfterMs = 1_000;
const keptMax = 256; // counted together, they take a third of the time

/** Metrics whose library is loaded a second after the first request, or when somebody asks: it would cost the first answer 5 ms. */
export const lazyRouterMetrics = (gauges: RouterGauges, clock: Clock): LazyRouterMetrics => {
  const kept: RequestRecord[] = [];
  let metrics: RouterMetrics | undefined;
  let loading: Promise<RouterMetrics> | undefined;
  const load = (): Promise<RouterMetrics> => {
    loading ??= import("./metrics.ts").then(({ createRouterMetrics }) => {
      metrics = createRouterMetrics(gauges);
      return metrics;
    });
    return loading;
  };
  const countKept = ({ count }: RouterMetrics): void => {
    for (const record of kept.splice(0)) count(record);
  };
  return {
    count(record) {
      kept.push(record);
      if (kept.length >= keptMax && metrics) countKept(metrics);
      if (kept.length === 1 && !loading) clock.after(loadAfterMs, load);
    },
    async scrape() {
      const loaded = await load();
      countKept(loaded);
      return new Response(await loaded.text(), { headers: { "content-type": loaded.contentType } });
    },
  };
};
