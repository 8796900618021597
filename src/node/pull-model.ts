import type { OllamaPullConversion, OllamaPullPlan, OllamaPullProgress } from "../api/ollama.ts";
import { AppError } from "../core/errors.ts";
import { type AliasRef, formatModelRef, type HubRef, withQuant } from "../core/model-ref.ts";
import type { ReportedConversion } from "../hub/pull-report.ts";
import { refuseOllama } from "../store/ollama-name.ts";
import { createChannel } from "./channel.ts";
import type { NodeDeps } from "./deps.ts";
import { parseName } from "./find-model.ts";

/** What a pull needs of a node; a command that pulls without one has no more. */
export type PullDeps = Pick<NodeDeps, "config" | "store" | "puller">;

/** What a request to pull names. */
export interface PullTarget {
  name: string | undefined;
  /** Another way to write `name:QUANT`. */
  quant?: string | undefined;
}

/** The progress of one pull, ended by `success` or by the fault that ended it. */
export async function* pullModel(
  deps: PullDeps,
  target: PullTarget,
  signal: AbortSignal,
): AsyncGenerator<OllamaPullProgress> {
  const ref = pullable(deps, target);
  const stop = new AbortController();
  const channel = createChannel<OllamaPullProgress>();
  deps.puller
    .pull(ref, { signal: AbortSignal.any([signal, stop.signal]), onProgress: channel.send })
    .then(channel.close, channel.fail);
  try {
    yield* channel.values();
  } finally {
    stop.abort(new AppError("cancelled", "the client went away"));
  }
}

/** What the pull would bring, without bringing it. */
export const planPull = async (deps: PullDeps, target: PullTarget, signal: AbortSignal): Promise<OllamaPullPlan> => {
  const { plan } = deps.puller;
  const { upToDate, files, neededBytes, freeBytes, conversion, ...report } = await plan(pullable(deps, target), {
    signal,
  });
  return {
    status: "dry run",
    ...report,
    up_to_date: upToDate,
    files: files.map(({ role, name: path, sizeBytes, haveBytes }) => ({
      role,
      name: path,
      size: sizeBytes,
      completed: haveBytes,
    })),
    total: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    needed: neededBytes,
    free: freeBytes,
    ...(conversion ? { conversion: inApi(conversion) } : {}),
  };
};

const inApi = ({ projector, leftOut, ...made }: ReportedConversion): OllamaPullConversion => ({
  ...{ type: made.type, float_type: made.floatType, peak: made.peakBytes, result: made.resultBytes },
  ...(projector && { projector: { type: projector.type, size: projector.sizeBytes } }),
  text_only: leftOut !== undefined,
  ...(leftOut !== undefined && { left_out: leftOut }),
});

const pullable = (deps: PullDeps, { name, quant }: PullTarget): HubRef => {
  const named = parseName(deps, name);
  const ref = quant === undefined ? named : withQuant(named, quant);
  if (ref.kind === "ollama") throw refuseOllama(ref, "pull");
  return ref.kind === "hub" ? ref : sourceOf(deps, ref);
};

/** A short name can be pulled again once it is known: it stands for the repository that it was made from. */
const sourceOf = ({ store }: PullDeps, ref: AliasRef): HubRef => {
  const known = store.find(ref);
  if (!known) {
    const name = formatModelRef(ref);
    throw new AppError("invalid_model_name", `invalid model name "${name}": expected org/name, as on huggingface.co`);
  }
  const { org, name, tag } = known.manifest.model;
  return { kind: "hub", org, name, quant: ref.quant ?? tag };
};
