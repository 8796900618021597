import { useState } from "preact/hooks";
import type { RouterActivity, RouterNodesResponse, RouterStatus } from "../../api/router.ts";
import { Chart } from "../parts/chart.tsx";
import { Pill, type Tone } from "../parts/status-pill.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { toSeries } from "../series.ts";
import type { MessageKey } from "../text/en.ts";
import { useApp } from "../use-app.ts";
import { usePoll } from "../use-poll.ts";
import { useTexts } from "../use-texts.ts";
import { NodeList } from "./node-list.tsx";

const spans = { minutes: "spanMinutes", hours: "spanHours" } as const;
type Span = keyof typeof spans;

const everyMs = 2_000;

/** How the cluster is, now and of late. */
export const OverviewView = () => {
  const { api } = useApp();
  const [span, setSpan] = useState<Span>("minutes");
  const polled = usePoll(
    span,
    async (signal) => {
      const [status, activity, { nodes }] = await Promise.all([
        api.get<RouterStatus>("/api/router/status", signal),
        api.get<RouterActivity>(`/api/router/activity?span=${span}`, signal),
        api.get<RouterNodesResponse>("/api/router/nodes", signal),
      ]);
      return { status, activity, nodes };
    },
    everyMs,
  );
  const { value, reload } = polled;
  return (
    <>
      <Title status={value?.status} />
      <Trouble polled={polled} />
      {value && (
        <>
          <Tiles status={value.status} />
          <Charts activity={value.activity} span={span} onSpan={setSpan} />
          <NodeList nodes={value.nodes} onChange={reload} />
        </>
      )}
    </>
  );
};

const healthOf: Record<RouterStatus["health"], { tone: Tone; text: MessageKey }> = {
  healthy: { tone: "good", text: "healthy" },
  degraded: { tone: "warn", text: "degradedCluster" },
  down: { tone: "bad", text: "down" },
};

const Title = ({ status }: { status: RouterStatus | undefined }) => {
  const { t } = useTexts();
  const health = status && healthOf[status.health];
  return (
    <div class="title-row">
      <h1>{t("overview")}</h1>
      {health && <Pill tone={health.tone}>{t(health.text)}</Pill>}
      {status && <span class="muted version">llmlb {status.version}</span>}
    </div>
  );
};

const Tiles = ({ status }: { status: RouterStatus }) => {
  const { t, format } = useTexts();
  const total = Object.values(status.nodes).reduce((sum, count) => sum + count, 0);
  const { vram_utilization: memory } = status;
  return (
    <dl class="tiles">
      <Tile label={t("tileNodes")} value={format.number(status.nodes.online)} more={t("ofTotal", { total })} />
      <Tile label={t("tileModels")} value={format.number(status.models)} />
      <Tile label={t("tileHour")} value={format.number(status.requests_last_hour)} />
      <Tile label={t("tileMemory")} value={memory === undefined ? "–" : format.percent(memory)} />
    </dl>
  );
};

const Tile = ({ label, value, more }: { label: string; value: string; more?: string }) => (
  <div class="card tile">
    <dt>{label}</dt>
    <dd>
      {value} {more && <small>{more}</small>}
    </dd>
  </div>
);

interface ChartsProps {
  activity: RouterActivity;
  span: Span;
  onSpan(span: Span): void;
}

const Charts = ({ activity, span, onSpan }: ChartsProps) => {
  const { t, format } = useTexts();
  const series = toSeries(activity);
  const common = { bucketSeconds: activity.bucket_seconds };
  const all = { label: t("seriesAll"), values: series.requests, tone: "main", area: true } as const;
  const failed = { label: t("seriesErrors"), values: series.errors, tone: "bad" } as const;
  const median = { label: t("seriesMedian"), values: series.firstByteP50Ms, tone: "main" } as const;
  const p95 = { label: t("seriesP95"), values: series.firstByteP95Ms, tone: "second" } as const;
  const tokens = { label: t("seriesTokens"), values: series.tokens, tone: "main", area: true } as const;
  return (
    <section>
      <fieldset class="segments">
        <legend class="visually-hidden">{t("span")}</legend>
        {(Object.keys(spans) as Span[]).map((one) => (
          <label key={one}>
            <input type="radio" name="span" checked={one === span} onChange={() => onSpan(one)} />
            <span>{t(spans[one])}</span>
          </label>
        ))}
      </fieldset>
      <div class="charts">
        <Chart title={t("chartRequests")} lines={[all, failed]} format={format.rate} {...common} />
        <Chart title={t("chartFirstByte")} lines={[median, p95]} format={format.duration} {...common} />
        <Chart title={t("chartTokens")} lines={[tokens]} format={format.rate} {...common} />
      </div>
    </section>
  );
};
