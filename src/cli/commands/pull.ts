import type { OllamaPullConversion, OllamaPullPlan } from "../../api/ollama.ts";
import { formatBytes } from "../../core/format.ts";
import { formatModelRef, withQuant } from "../../core/model-ref.ts";
import { command } from "../command.ts";
import { interruptible } from "../interrupt.ts";
import { pullSource } from "../pull-source.ts";
import { showPull } from "../show-pull.ts";
import { toJson } from "../ui/json.ts";
import { renderTable } from "../ui/table.ts";

export const pull = command({
  args: {
    model: {
      type: "positional",
      completes: "models",
      description: "org/name, org/name:QUANT, hf.co/... or a Hugging Face URL",
    },
    quant: {
      type: "string",
      valueHint: "QUANT",
      description: "Quantization; the same as org/name:QUANT (default: Q4_K_M)",
    },
    "dry-run": { type: "boolean", description: "Print what would be downloaded, and download nothing" },
    local: { type: "boolean", description: "Pull without a server when none can be reached" },
    all: { type: "boolean", description: "Where the server is a router: pull to all of its nodes" },
    json: { type: "boolean", description: "Print one JSON record a line instead of progress bars" },
  },
  examples: [
    "llmlb node pull Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    "llmlb node pull bartowski/Llama-3.2-3B-Instruct-GGUF --quant Q8_0",
    "llmlb node pull meta-llama/Llama-3.2-3B-Instruct --quant Q6_K",
    "llmlb node pull https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF --dry-run",
  ],
  async run({ model, quant, "dry-run": dryRun, local, all, json }, context) {
    const { parseModel, stdout, stderr } = context;
    const ref = parseModel(model);
    const name = quant === undefined ? model : formatModelRef(withQuant(ref, quant));
    await interruptible(async (signal) => {
      const source = await pullSource(context, local, signal);
      if (dryRun) {
        const plan = await source.plan(name, signal);
        return await stdout.write(json ? toJson(plan) : renderPlan(plan));
      }
      if (!json) return await showPull(source.pull(name, signal, { all }), stderr);
      for await (const progress of source.pull(name, signal, { all }))
        await stdout.write(`${JSON.stringify(progress)}\n`);
    });
  },
});

const columns = [{ title: "FILE" }, { title: "WHAT" }, { title: "SIZE" }, { title: "TO DOWNLOAD" }];

const renderPlan = (plan: OllamaPullPlan): string => {
  const { model, target, files, total, needed, free, up_to_date: upToDate, conversion } = plan;
  const rows = files.map(({ name, role, size, completed }) => [
    name,
    role,
    formatBytes(size),
    completed < size ? formatBytes(size - completed) : "-",
  ]);
  const state = upToDate ? "up to date" : `${formatBytes(needed)} of ${formatBytes(total)} to download`;
  const made = conversion ? `${renderConversion(conversion)}\n` : "";
  return `${model}\n${renderTable(columns, rows)}${state}, to ${target} (${formatBytes(free)} free)\n${made}`;
};

const renderConversion = (conversion: OllamaPullConversion): string => {
  const { type, float_type: floatType, peak, result, projector, left_out: leftOut } = conversion;
  const steps = type === floatType ? type : `${floatType}, then quantized to ${type}`;
  const seeing = projector ? `, its projector to ${projector.type} (${formatBytes(projector.size)})` : "";
  const size = `about ${formatBytes(peak)} of disk at most, ${formatBytes(result)} when it is done`;
  const textOnly =
    leftOut === undefined ? "" : `\nonly its text part, so that it will neither see nor hear: ${leftOut}`;
  return `converted here to ${steps}${seeing}: ${size}${textOnly}`;
};
