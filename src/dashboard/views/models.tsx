import { useState } from "preact/hooks";
import type { RouterModelsResponse } from "../../api/router.ts";
import { SearchList } from "../parts/search-list.tsx";
import { NodeStatusPill, Pill } from "../parts/status-pill.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { useApp } from "../use-app.ts";
import { usePoll } from "../use-poll.ts";
import { useTexts } from "../use-texts.ts";

type Model = RouterModelsResponse["models"][number];

const everyMs = 5_000; // with hundreds of nodes the list is long, and models come and go seldom

/** Which models there are, and who has them. */
export const ModelsView = () => {
  const { t } = useTexts();
  const { api } = useApp();
  const polled = usePoll("models", (signal) => api.get<RouterModelsResponse>("/api/router/models", signal), everyMs);
  const models = polled.value?.models;
  return (
    <>
      <h1>{t("models")}</h1>
      <Trouble polled={polled} />
      {models?.length === 0 && <p class="card empty">{t("noModelsAnywhere")}</p>}
      {models && models.length > 0 && (
        <SearchList label={t("filterModels")} items={models} textOf={searchText}>
          {(shown) => (
            <ul class="model-list card">
              {shown.map((model) => (
                <ModelRow key={model.name} model={model} />
              ))}
            </ul>
          )}
        </SearchList>
      )}
    </>
  );
};

const searchText = ({ name, nodes }: Model): string => [name, ...nodes.map(({ host }) => host)].join(" ");

const ModelRow = ({ model: { name, status, nodes } }: { model: Model }) => {
  const { t } = useTexts();
  const [isOpen, setOpen] = useState(false);
  const loaded = nodes.filter((node) => node.loaded).length;
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="model-name">{name}</span>
          <span class="muted counts">
            {t("columnNodes")} {nodes.length} · {t("columnLoaded")} {loaded}
          </span>
          <Pill tone={status === "available" ? "good" : "bad"}>{t(status)}</Pill>
        </summary>
        {isOpen && <ModelNodes nodes={nodes} />}
      </details>
    </li>
  );
};

const ModelNodes = ({ nodes }: Pick<Model, "nodes">) => {
  const { t } = useTexts();
  return (
    <ul class="model-nodes">
      {nodes.map((node) => (
        <li key={node.id}>
          <span>{node.host}</span>
          <span class="muted">{node.id}</span>
          <NodeStatusPill status={node.status} />
          <span class="muted">{t(node.loaded ? "loaded" : "stored")}</span>
        </li>
      ))}
    </ul>
  );
};
