import { useState } from "preact/hooks";
import { ago } from "../format.ts";
import { areaPath, latest, linePath, most, niceMax, type Values } from "../series.ts";
import { type Texts, useTexts } from "../use-texts.ts";

export interface ChartLine {
  label: string;
  values: Values;
  tone: "main" | "second" | "bad";
  /** Filled down to the bottom; only for values without gaps. */
  area?: boolean;
}

interface ChartProps {
  title: string;
  lines: readonly ChartLine[];
  bucketSeconds: number;
  format(value: number): string;
}

const width = 300;
const height = 100;

/** Lines over time. The first is what it is about: its last value, or the one under the pointer, stands beside the title. */
export const Chart = ({ title, lines, bucketSeconds, format }: ChartProps) => {
  const { t } = useTexts();
  const [pointed, setPointed] = useState<number>();
  const [main] = lines;
  const count = main?.values.length ?? 0;
  const all = lines.flatMap(({ values }) => values);
  const isEmpty = all.every((value) => !value);
  const plane = { width, height, max: niceMax(all) };
  const point = (event: PointerEvent): void => {
    const { left, width: shown } = (event.currentTarget as Element).getBoundingClientRect();
    setPointed(Math.max(0, Math.min(count - 1, Math.round(((event.clientX - left) / shown) * (count - 1)))));
  };
  const shown = (line: ChartLine | undefined): string => {
    const value = pointed === undefined ? latest(line?.values ?? []) : line?.values[pointed];
    return value === undefined ? "–" : format(value);
  };
  const spanText = agoText(count * bucketSeconds, t);
  const summary = t("chartNow", { title, now: shown(main), most: format(most(main?.values ?? [])), span: spanText });
  return (
    <figure class="card chart">
      <figcaption>
        <h3>{title}</h3>
        <strong>{shown(main)}</strong>
      </figcaption>
      <div class="plot" onPointerMove={point} onPointerLeave={() => setPointed(undefined)}>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={summary}>
          <path
            class="grid"
            d={isEmpty ? `M0 ${height}H${width}` : `M0 ${height}H${width}M0 ${height / 2}H${width}M0 0H${width}`}
          />
          {!isEmpty &&
            lines.map(
              ({ area, values, tone }) =>
                area && <path key={tone} class={`area area-${tone}`} d={areaPath(values, plane)} />,
            )}
          {!isEmpty &&
            lines
              .toReversed()
              .map(({ values, tone }) => <path key={tone} class={`line line-${tone}`} d={linePath(values, plane)} />)}
          {pointed !== undefined && <path class="cursor" d={`M${(pointed / (count - 1)) * width} 0V${height}`} />}
        </svg>
        {isEmpty ? <p class="empty-plot">{t("noDataYet")}</p> : <span class="axis-top">{format(plane.max)}</span>}
      </div>
      <div class="time-axis">
        <span>{pointed === undefined ? spanText : agoText((count - pointed) * bucketSeconds, t)}</span>
        <Legend lines={lines} shown={shown} />
        <span>{t("now")}</span>
      </div>
    </figure>
  );
};

const agoText = (seconds: number, t: Texts["t"]): string => {
  const { unit, count } = ago(seconds * 1000);
  return t(unit, { count });
};

const Legend = ({ lines, shown }: { lines: readonly ChartLine[]; shown(line: ChartLine): string }) =>
  lines.length < 2 ? null : (
    <span class="legend">
      {lines.map((line) => (
        <span class={`legend-${line.tone}`} key={line.label}>
          {line.label} {shown(line)}
        </span>
      ))}
    </span>
  );
