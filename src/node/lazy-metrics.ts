import type { Clock } from "../core/clock.ts";
import type { AnswerRecord, Metrics, MetricsSources, RequestRecord } from "./metrics.ts";

export interface LazyMetrics extends Pick<Metrics, "countRequest" | "countAnswer"> {
  /** What `GET /metrics` answers. */
  scrape(): Promise<Response>;
}

const loadAfterMs = 1_000;

/** Metrics whose library is loaded a second after the first request, or when somebody asks: it would cost the first answer 5 ms. */
export const lazyMetrics = ({ clock, ...sources }: MetricsSources & { clock: Clock }): LazyMetrics => {
  const kept: ((metrics: Metrics) => void)[] = [];
  let metrics: Metrics | undefined;
  let loading: Promise<Metrics> | undefined;
  const load = (): Promise<Metrics> => {
    loading ??= import("./metrics.ts").then(({ createMetrics }) => {
      metrics = createMetrics(sources);
      for (const tell of kept.splice(0)) tell(metrics);
      return metrics;
    });
    return loading;
  };
  const record = (tell: (metrics: Metrics) => void) => {
    if (metrics) return tell(metrics);
    kept.push(tell);
    if (kept.length === 1) clock.after(loadAfterMs, load);
  };
  return {
    countRequest: (request: RequestRecord) => record((to) => to.countRequest(request)),
    countAnswer: (answer: AnswerRecord) => record((to) => to.countAnswer(answer)),
    async scrape() {
      const { text, contentType } = await load();
      return new Response(await text(), { headers: { "content-type": contentType } });
    },
  };
};
