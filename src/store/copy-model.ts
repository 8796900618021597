import { AppError } from "../core/errors.ts";
import { formatModelRef, type ModelRef } from "../core/model-ref.ts";
import { writeFileDurably } from "./durable-file.ts";
import { findModel } from "./find-model.ts";
import { storeSchemaVersion } from "./manifest.ts";
import { refuseOllama } from "./ollama-name.ts";
import { sameModel } from "./scan-models.ts";
import { isAlias } from "./short-name.ts";
import type { StoreContext } from "./store-context.ts";

/**
 * Gives a model one more short name, as Ollama's `cp` does: nothing is copied. Throws `model_not_found`, `invalid_model_name` for what is no
 * short name, `conflict` for the name of another model.
 */
export const copyModel = async (context: StoreContext, source: ModelRef, destination: ModelRef): Promise<void> => {
  if (source.kind === "ollama") throw refuseOllama(source, "cp");
  const name = formatModelRef(destination);
  if (destination.kind !== "alias" || destination.quant !== undefined || !isAlias(destination.alias))
    throw new AppError(
      "invalid_model_name",
      `invalid model name "${name}": a copy has a short name such as "my-model"`,
    );
  await context.exclusively(async () => {
    const scan = context.index.rescan();
    const found = findModel(scan, source);
    if (!found) throw new AppError("model_not_found", `model "${formatModelRef(source)}" not found`);
    const { model } = found.manifest;
    const taken = scan.aliases.get(destination.alias.toLowerCase());
    if (taken && sameModel(taken, model)) return;
    const owner = taken && findModel(scan, destination);
    if (owner)
      throw new AppError(
        "conflict",
        `"${name}" is a name of ${owner.name} already; choose another, or remove that one first`,
      );
    const content = { schemaVersion: storeSchemaVersion, alias: destination.alias, model, copied: true };
    await writeFileDurably(context.layout.alias(destination.alias), `${JSON.stringify(content, null, 2)}\n`);
    context.index.markChanged();
  });
};
