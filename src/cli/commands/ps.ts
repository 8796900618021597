import type { OllamaRunningModel } from "../../api/ollama.ts";
import { formatBytes } from "../../core/format.ts";
import { command } from "../command.ts";
import { humanTime } from "../ui/human-time.ts";
import { toJson } from "../ui/json.ts";
import { renderTable } from "../ui/table.ts";

const columns = [
  { title: "NAME" },
  { title: "ID", gap: 2 },
  { title: "SIZE" },
  { title: "PROCESSOR" },
  { title: "UNTIL" },
  { title: "VRAM" },
  { title: "TEMP" },
];

export const ps = command({
  args: { json: { type: "boolean", description: "Print JSON" } },
  examples: ["llmlb node ps", "llmlb node ps --json"],
  async run({ json }, { client, stdout }) {
    const { models } = await client().ps();
    await stdout.write(
      json
        ? toJson({ models })
        : renderTable(
            columns,
            models.map((model) => row(model, Date.now())),
          ),
    );
  },
});

const row = (model: OllamaRunningModel, nowMs: number): string[] => [
  model.name,
  model.digest.slice(0, 12),
  formatBytes(model.size),
  processor(model.size, model.size_vram),
  until(model.expires_at, nowMs),
  model.vram_utilization === undefined ? "-" : `${Math.round(model.vram_utilization * 100)}%`,
  model.temperature_celsius === undefined ? "-" : `${Math.round(model.temperature_celsius)}°C`,
];

/** Where the model is computed, in Ollama's words: `100% GPU`, `48%/52% CPU/GPU`. */
const processor = (sizeBytes: number, vramBytes: number): string => {
  if (vramBytes === 0) return "100% CPU";
  if (vramBytes === sizeBytes) return "100% GPU";
  if (vramBytes > sizeBytes || sizeBytes === 0) return "Unknown";
  const cpuPercent = Math.round(((sizeBytes - vramBytes) / sizeBytes) * 100);
  return `${cpuPercent}%/${100 - cpuPercent}% CPU/GPU`;
};

const until = (expiresAt: string, nowMs: number): string => {
  const shown = humanTime(expiresAt, nowMs, "Never");
  return shown.endsWith(" ago") ? "Stopping..." : shown;
};
