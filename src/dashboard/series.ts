import type { RouterActivity } from "../api/router.ts";

/** Values over time, oldest first; undefined where there is none. */
export type Values = readonly (number | undefined)[];

export interface ActivitySeries {
  requests: Values;
  errors: Values;
  firstByteP50Ms: Values;
  firstByteP95Ms: Values;
  tokens: Values;
}

/** What the charts show: per second, and without the last bucket, which is not over and would always look like a fall. */
export const toSeries = ({ buckets, bucket_seconds: seconds }: RouterActivity): ActivitySeries => {
  const past = buckets.slice(0, -1);
  return {
    requests: past.map(({ requests }) => requests / seconds),
    errors: past.map(({ errors }) => errors / seconds),
    firstByteP50Ms: past.map(({ first_byte_p50_ms }) => first_byte_p50_ms),
    firstByteP95Ms: past.map(({ first_byte_p95_ms }) => first_byte_p95_ms),
    tokens: past.map(({ tokens }) => tokens / seconds),
  };
};

/** The top of an axis: 1, 2 or 5 times a power of ten that is not below any value. */
export const niceMax = (values: Values, least = 0): number => {
  const most = Math.max(least, ...values.map((value) => value ?? 0));
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [1, 2, 5, 10].find((step) => step * power >= most * (1 - 1e-9)) ?? 10;
  return factor * power;
};

export interface Plane {
  width: number;
  height: number;
  max: number;
}

/** A line through the values as the `d` of an SVG path, with gaps where there are none; a value alone becomes a dot. */
export const linePath = (values: Values, { width, height, max }: Plane): string => {
  const step = width / Math.max(1, values.length - 1);
  const point = (value: number, index: number) =>
    `${round(index * step)} ${round(height - (Math.min(value, max) / max) * height)}`;
  return values
    .map((value, index) => {
      if (value === undefined) return "";
      if (values[index - 1] !== undefined) return `L${point(value, index)}`;
      return `M${point(value, index)}${values[index + 1] === undefined ? "h0" : ""}`;
    })
    .join("");
};

/** The same line, closed along the bottom; only for values without gaps. */
export const areaPath = (values: Values, plane: Plane): string =>
  values.length === 0 ? "" : `${linePath(values, plane)}V${plane.height}H0Z`;

const round = (value: number): number => Math.round(value * 100) / 100;

export const latest = (values: Values): number | undefined => values.findLast((value) => value !== undefined);

export const most = (values: Values): number => Math.max(0, ...values.map((value) => value ?? 0));
