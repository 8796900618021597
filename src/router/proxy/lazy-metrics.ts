import type { Clock } from "../../core/clock.ts";
import type { RouterGauges, RouterMetrics } from "./metrics.ts";
import type { RequestRecord } from "./request-record.ts";

export interface LazyRouterMetrics {
  count(record: RequestRecord): void;
  /** What `GET /metrics` answers. */
  scrape(): Promise<Response>;
}

const loadAfterMs = 1_000;

/** Metrics whose library is loaded a second after the first request, or when somebody asks: it would cost the first answer 5 ms. */
export const lazyRouterMetrics = (gauges: RouterGauges, clock: Clock): LazyRouterMetrics => {
  const kept: RequestRecord[] = [];
  let metrics: RouterMetrics | undefined;
  let loading: Promise<RouterMetrics> | undefined;
  const load = (): Promise<RouterMetrics> => {
    loading ??= import("./metrics.ts").then(({ createRouterMetrics }) => {
      metrics = createRouterMetrics(gauges);
      for (const record of kept.splice(0)) metrics.count(record);
      return metrics;
    });
    return loading;
  };
  return {
    count(record) {
      if (metrics) return metrics.count(record);
      kept.push(record);
      if (kept.length === 1) clock.after(loadAfterMs, load);
    },
    async scrape() {
      const { text, contentType } = await load();
      return new Response(await text(), { headers: { "content-type": contentType } });
    },
  };
};
