import type { OllamaListedModel } from "../../api/ollama.ts";
import { formatBytes } from "../../core/format.ts";
import { command } from "../command.ts";
import { humanTime } from "../ui/human-time.ts";
import { toJson } from "../ui/json.ts";
import { renderTable } from "../ui/table.ts";

const columns = [{ title: "NAME" }, { title: "ID", gap: 2 }, { title: "SIZE" }, { title: "MODIFIED" }];

export const list = command({
  args: {
    prefix: {
      type: "positional",
      required: false,
      description: "Only models whose name begins with this, in any case",
    },
    json: { type: "boolean", description: "Print JSON" },
  },
  examples: ["llmlb node list", "llmlb node list qwen", "llmlb node list --json"],
  async run({ prefix = "", json }, { client, stdout }) {
    const { models } = await client().tags();
    const shown = prefix === "" ? models : models.filter((model) => matches(model, prefix.toLowerCase()));
    await stdout.write(
      json
        ? toJson({ models: shown })
        : renderTable(
            columns,
            shown.map((model) => row(model, Date.now())),
          ),
    );
  },
});

/** The name without its organization counts too: nobody remembers who converted a model. */
const matches = ({ name, aliases = [] }: OllamaListedModel, prefix: string): boolean =>
  [name, name.replace(/^ollama:|^.*\//, ""), name.slice(name.lastIndexOf("/") + 1), ...aliases].some((each) =>
    each.toLowerCase().startsWith(prefix),
  );

const row = (model: OllamaListedModel, nowMs: number): string[] => [
  model.read_only ? `${model.name} (readonly)` : model.name,
  model.digest.slice(0, 12),
  formatBytes(model.size),
  humanTime(model.modified_at, nowMs, "Never"),
];
