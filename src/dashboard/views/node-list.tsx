import { useState } from "preact/hooks";
import type { RouterNode } from "../../api/router.ts";
import { SearchList } from "../parts/search-list.tsx";
import { useApp } from "../use-app.ts";
import { useTexts } from "../use-texts.ts";
import { AddNode } from "./add-node.tsx";
import { NodeCard } from "./node-card.tsx";

/** The nodes, and how to get more of them. */
export const NodeList = ({ nodes, onChange }: { nodes: readonly RouterNode[]; onChange(): void }) => {
  const { t } = useTexts();
  const { role } = useApp();
  const [adding, setAdding] = useState(false);
  return (
    <section>
      <div class="title-row">
        <h2>{t("nodes")}</h2>
        {role === "admin" && (
          <button type="button" class="button push-end" onClick={() => setAdding(true)}>
            {t("addNode")}
          </button>
        )}
      </div>
      {nodes.length === 0 ? (
        <div class="card empty">
          <h3>{t("noNodes")}</h3>
          <p>{t("noNodesHelp", { origin: location.origin })}</p>
        </div>
      ) : (
        <SearchList label={t("filterNodes")} items={nodes} textOf={(node) => `${searchText(node)} ${t(node.status)}`}>
          {(shown) => (
            <ul class="node-grid">
              {shown.map((node) => (
                <NodeCard key={node.id} node={node} onChange={onChange} />
              ))}
            </ul>
          )}
        </SearchList>
      )}
      {adding && <AddNode onClose={() => setAdding(false)} onAdded={onChange} />}
    </section>
  );
};

const searchText = ({ id, name, url, kind, status, models }: RouterNode): string =>
  [id, name, url, kind, status, ...models.map((model) => model.name)].join(" ");
