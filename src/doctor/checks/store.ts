import { formatBytes } from "../../core/format.ts";
import { checkStore, type DamagedFile, type StoreHealth } from "../../store/check-store.ts";
import type { Patient } from "../examine.ts";
import { type Found, ok, problem, warning } from "../finding.ts";

export const checkModels = async ({ config, verify }: Patient): Promise<Found[]> =>
  describeStore(await checkStore(config.modelsDir, { verify }), verify);

export const describeStore = (health: StoreHealth, verified: boolean): Found[] => {
  const { models, sizeBytes, broken, damaged, danglingAliases, unfinished, unusedFiles, unusedBytes } = health;
  const isWhole = broken.length + damaged.length === 0;
  const state = `${count(models, "model")}, ${formatBytes(sizeBytes)}${verified && isWhole ? ", every byte as it was downloaded" : ""}`;
  const unfinishedBytes = unfinished.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  const names = [...new Set(unfinished.map(({ model: { org, name, tag } }) => `${org}/${name}:${tag}`))];
  return [
    ok(state),
    ...broken.map(({ path, reason }) =>
      problem(`${path} is skipped: ${reason}`, "delete it, and pull the model again"),
    ),
    ...damaged.map(describeDamage),
    ...danglingAliases.map((alias) => warning(`the short name "${alias}" is of a model that is not there`)),
    ...(unfinished.length > 0
      ? [
          warning(
            `unfinished, ${formatBytes(unfinishedBytes)}: ${names.join(", ")}`,
            "pull again to go on; what nobody comes back for is deleted after two weeks",
          ),
        ]
      : []),
    ...(unusedFiles > 0
      ? [
          warning(
            `${count(unusedFiles, "file")} of no model, ${formatBytes(unusedBytes)}`,
            "a node deletes what is older than two weeks when it starts",
          ),
        ]
      : []),
  ];
};

const describeDamage = ({ model, file, path, state }: DamagedFile): Found =>
  problem(
    `${file} of ${model} ${state}`,
    state.startsWith("is missing") ? `pull it again: llmlb node pull ${model}` : `delete ${path}, then pull it again`,
  );

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
