import { AppError } from "../../core/errors.ts";
import { command } from "../command.ts";
import { errorLine } from "../report-error.ts";
import { printable } from "../ui/printable.ts";

export const rm = command({
  args: {
    model: {
      type: "positional",
      completes: "models",
      many: true,
      description: "Names of the models, or their short names",
    },
  },
  examples: ["llmlb node rm Qwen/Qwen2.5-0.5B-Instruct-GGUF", "llmlb node rm llama3.2-3b qwen2.5-0.5b:Q8_0"],
  async run({ model }, { client, parseModel, stdout, stderr }) {
    model.forEach(parseModel); // one wrong name, and nothing is deleted
    const server = client();
    let exitCode = 0;
    for (const name of model) {
      try {
        await server.remove(name);
        await stdout.write(`deleted '${printable(name)}'\n`);
      } catch (error) {
        // A missing model does not keep the others; a server that is gone would fail for each of them.
        if (!(error instanceof AppError) || error.exitCode === 2 || model.length === 1) throw error;
        await stderr.write(errorLine(error));
        exitCode = error.exitCode;
      }
    }
    return exitCode;
  },
});
