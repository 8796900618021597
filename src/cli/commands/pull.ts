import { command } from "../command.ts";
import { interruptible } from "../interrupt.ts";
import { pullModel } from "../pull-model.ts";

export const pull = command({
  args: {
    model: { type: "positional", description: "org/name, org/name:QUANT, hf.co/... or a Hugging Face URL" },
    json: { type: "boolean", description: "Print one JSON record a line instead of progress bars" },
  },
  examples: [
    "llmlb node pull Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    "llmlb node pull bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0",
    "llmlb node pull https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct-GGUF",
  ],
  async run({ model, json }, { client, parseModel, stdout, stderr }) {
    parseModel(model);
    await interruptible(async (signal) => {
      if (!json) return await pullModel(client(), model, stderr, signal);
      for await (const progress of client().pull(model, signal)) await stdout.write(`${JSON.stringify(progress)}\n`);
    });
  },
});
