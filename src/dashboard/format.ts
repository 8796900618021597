/** Numbers as people read them, in their language. */
export interface Formatter {
  number(value: number): string;
  /** Three significant digits at most: `0.4`, `12.5`, `1,240`. */
  rate(value: number): string;
  /** `85 ms`, `1.2 s`, `2.5 min`. */
  duration(ms: number): string;
  percent(share: number): string;
  /** In the units of memory: 24 GiB are `24 GB`, as makers of GPUs count. */
  bytes(bytes: number): string;
  time(iso: string): string;
  date(iso: string): string;
}

const units = ["B", "KB", "MB", "GB", "TB"] as const;

export const createFormatter = (locale: string): Formatter => {
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const hundredth = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23" });
  const date = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const rate = (value: number) => (value >= 100 ? whole : value >= 10 ? tenth : hundredth).format(value);
  return {
    number: (value) => whole.format(value),
    rate,
    duration: (ms) => {
      if (ms < 1000) return `${whole.format(ms)} ms`;
      return ms < 120_000 ? `${tenth.format(ms / 1000)} s` : `${tenth.format(ms / 60_000)} min`;
    },
    percent: (share) => percent.format(share),
    bytes: (bytes) => {
      const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
      const value = bytes / 1024 ** power;
      return `${(value >= 10 ? whole : tenth).format(value)} ${units[power]}`;
    },
    time: (iso) => time.format(new Date(iso)),
    date: (iso) => date.format(new Date(iso)),
  };
};

/** How long ago, in the largest unit that fits. */
export const ago = (ms: number): { unit: "agoSeconds" | "agoMinutes" | "agoHours" | "agoDays"; count: number } => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return { unit: "agoSeconds", count: seconds };
  if (seconds < 6_000) return { unit: "agoMinutes", count: Math.round(seconds / 60) };
  if (seconds < 172_800) return { unit: "agoHours", count: Math.round(seconds / 3600) };
  return { unit: "agoDays", count: Math.round(seconds / 86_400) };
};
