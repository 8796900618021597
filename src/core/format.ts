const decimalUnits = ["B", "KB", "MB", "GB", "TB", "PB"] as const;

/** Decimal size as Ollama prints it: an integer from 10 up, else one decimal unless whole (`39 MB`, `2.0 GB` for 2,019,393,189, `2 GB` for 2e9). */
export const formatBytes = (bytes: number): string => {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < decimalUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  if (unit === 0) return `${value} B`;
  const digits = value >= 10 ? Math.floor(value) : Number.isInteger(value) ? value : value.toFixed(1);
  return `${digits} ${decimalUnits[unit]}`;
};

/** A parameter count as model cards write it: `3.2B`, `494M`, `16.4K`. */
export const formatCount = (count: number): string => {
  const steps: [number, string][] = [
    [1e12, "T"],
    [1e9, "B"],
    [1e6, "M"],
    [1e3, "K"],
  ];
  const step = steps.find(([size]) => count >= size);
  if (!step) return String(count);
  const value = count / step[0];
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))}${step[1]}`;
};
