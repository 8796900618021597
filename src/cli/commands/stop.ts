import { command } from "../command.ts";

export const stop = command({
  args: {
    model: { type: "positional", completes: "loaded-models", description: "Name of the model, or its short name" },
  },
  examples: ["llmlb node stop Qwen/Qwen2.5-0.5B-Instruct-GGUF"],
  async run({ model }, { client, parseModel }) {
    parseModel(model);
    await client().stop(model);
  },
});
