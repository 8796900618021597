import { AppError } from "../../core/errors.ts";
import { command } from "../command.ts";
import { toJson } from "../ui/json.ts";
import { modelParts, renderModel } from "../ui/model-sheet.ts";

export const show = command({
  args: {
    model: { type: "positional", completes: "models", description: "Name of the model, or its short name" },
    license: { type: "boolean", description: "Print its license" },
    modelfile: { type: "boolean", description: "Print it as a Modelfile" },
    parameters: { type: "boolean", description: "Print its default parameters" },
    system: { type: "boolean", description: "Print its system message" },
    template: { type: "boolean", description: "Print its chat template" },
    json: { type: "boolean", description: "Print JSON" },
  },
  examples: [
    "llmlb node show Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    "llmlb node show --template Qwen/Qwen2.5-0.5B-Instruct-GGUF",
  ],
  async run({ model, json, ...flags }, { client, parseModel, stdout }) {
    const asked = modelParts.filter((name) => flags[name]);
    const [part] = asked;
    if (asked.length > 1 || (part && json)) {
      const names = [...asked, ...(json ? ["json"] : [])].map((name) => `--${name}`);
      throw new AppError("invalid_argument", `only one of ${names.join(" and ")} can be given`);
    }
    parseModel(model);
    const answer = await client().show(model);
    await stdout.write(json ? toJson(answer) : part ? `${(answer[part] ?? "").trimEnd()}\n` : renderModel(answer));
  },
});
