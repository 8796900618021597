import type { Recipe } from "../store/manifest.ts";
import type { NewFile } from "../store/publish-model.ts";
import type { StoredModel } from "../store/scan-models.ts";
import type { ModelFetch } from "./fetch-file.ts";
import { fetchText } from "./fetch-text.ts";
import type { PullPlan } from "./pull-plan.ts";

/** Makes what was pulled a model of the store. Undefined when a blob that was in the store has been freed since. */
export const publishPulled = async (
  { context, store, emit }: ModelFetch,
  plan: PullPlan,
  files: NewFile[],
  recipe?: Recipe,
): Promise<StoredModel | undefined> => {
  const { repository, quantization, revision, texts } = plan;
  const small: NewFile[] = [];
  for (const planned of texts) small.push(...(await fetchText(context, repository, planned)));
  context.signal.throwIfAborted();
  emit({ status: "writing manifest" });
  const publication = await store.publish({
    model: plan.model,
    defaultTag: plan.defaultTag,
    source: {
      endpoint: context.settings.endpoint,
      repository: `${repository.org}/${repository.name}`,
      commit: repository.commit,
      ...(revision === undefined ? {} : { revision }),
      file: plan.parts[0]?.path ?? "",
      ...(recipe === undefined ? {} : { recipe }),
    },
    files: [...files, ...small],
    ...(repository.license === undefined ? {} : { license: repository.license }),
    ...(quantization === undefined ? {} : { quantization }),
  });
  return publication.kind === "published" ? publication.model : undefined;
};
