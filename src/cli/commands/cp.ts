import { command } from "../command.ts";
import { printable } from "../ui/printable.ts";

export const cp = command({
  args: {
    source: { type: "positional", completes: "models", description: "Name of the model, or its short name" },
    destination: { type: "positional", description: "The new short name" },
  },
  examples: ["llmlb node cp bartowski/Llama-3.2-3B-Instruct-GGUF:Q8_0 assistant"],
  async run({ source, destination }, { client, parseModel, stdout }) {
    parseModel(source);
    parseModel(destination);
    await client().copy(source, destination);
    await stdout.write(`copied '${printable(source)}' to '${printable(destination)}'\n`);
  },
});
