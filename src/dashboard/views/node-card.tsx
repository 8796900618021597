import { useMemo, useState } from "preact/hooks";
import type { NodeDevice } from "../../api/node.ts";
import type { RouterNode, RouterNodeModel } from "../../api/router.ts";
import { ago } from "../format.ts";
import { hostOf } from "../node-names.ts";
import { Confirm } from "../parts/confirm.tsx";
import { Meter } from "../parts/meter.tsx";
import { NodeStatusPill } from "../parts/status-pill.tsx";
import { useApp } from "../use-app.ts";
import { useTexts } from "../use-texts.ts";

interface NodeCardProps {
  node: RouterNode;
  onChange(): void;
}

/** One node; drawn anew only when something of it changed that is shown. */
export const NodeCard = ({ node, onChange }: NodeCardProps) => {
  const texts = useTexts();
  const seen = node.status === "offline" && node.last_seen_at;
  const shown = JSON.stringify({ ...node, last_seen_at: seen && ago(Date.now() - Date.parse(seen)) });
  // `shown` stands for the node; any `onChange` does the same as another
  return useMemo(() => <Card node={node} onChange={onChange} />, [shown, texts]);
};

/** What it is, what it has and what it does. */
const Card = ({ node, onChange }: NodeCardProps) => {
  const { t } = useTexts();
  const { role } = useApp();
  const host = hostOf(node.url);
  return (
    <li class="card node">
      <div class="node-head">
        <h3>{node.name ?? host}</h3>
        <NodeStatusPill status={node.status} />
      </div>
      <p class="muted node-facts">
        {[node.name && host, `${node.kind} ${node.version ?? ""}`.trim(), node.id].filter(Boolean).join(" · ")}
      </p>
      {node.reason && <p class="reason">{node.reason}</p>}
      {node.status === "offline" ? <LastSeen at={node.last_seen_at} /> : <Devices node={node} />}
      <Models models={node.models} />
      <div class="node-foot">
        <span class="load">{t("inFlight", { count: node.in_flight })}</span>
        {role === "admin" && <NodeActions node={node} title={node.name ?? host} onChange={onChange} />}
      </div>
    </li>
  );
};

const LastSeen = ({ at }: { at: string | undefined }) => {
  const { t } = useTexts();
  if (at === undefined) return <p class="muted">{t("neverSeen")}</p>;
  const { unit, count } = ago(Date.now() - Date.parse(at));
  return <p class="muted">{t("lastSeen", { ago: t(unit, { count }) })}</p>;
};

const Devices = ({ node }: { node: RouterNode }) => {
  const { t, format } = useTexts();
  const { devices, available_memory_bytes: free } = node;
  if (!devices?.length) return <p class="muted">{t("unknownDevices")}</p>;
  const gpus = devices.filter(({ kind }) => kind === "gpu" || kind === "igpu");
  return (
    <>
      <ul class="devices">
        {(gpus.length > 0 ? gpus : devices).map((device) => (
          <Device key={device.name} device={device} />
        ))}
      </ul>
      {free !== undefined && gpus.length > 0 && (
        <p class="muted">{t("hostMemoryFree", { free: format.bytes(free) })}</p>
      )}
    </>
  );
};

const Device = ({ device }: { device: NodeDevice }) => {
  const { t, format } = useTexts();
  const { description, total_bytes: total, free_bytes: free, utilization, temperature_celsius: celsius } = device;
  const memory = t("memoryUsed", { used: format.bytes(total - free), total: format.bytes(total) });
  return (
    <li>
      <div class="device-name">
        <span>{description}</span>
        {celsius !== undefined && (
          <span class={celsius >= 85 ? "temperature hot" : "temperature"}>{format.number(celsius)} °C</span>
        )}
      </div>
      {total > 0 && <Meter share={(total - free) / total} />}
      <div class="device-facts muted">
        <span>
          {total > 0 && <span class="visually-hidden">{t("memory")} </span>}
          {total > 0 && memory}
        </span>
        {utilization !== undefined && <span>{t("busy", { percent: format.percent(utilization) })}</span>}
      </div>
    </li>
  );
};

const chipsMax = 6; // what more is loaded stands on the page of models

const Models = ({ models }: { models: readonly RouterNodeModel[] }) => {
  const { t } = useTexts();
  if (models.length === 0) return <p class="muted">{t("noModels")}</p>;
  const loaded = models.filter((model) => model.loaded).slice(0, chipsMax);
  const rest = models.length - loaded.length;
  return (
    <ul class="chips">
      {loaded.map((model) => (
        <li key={model.name} class="chip" title={model.name}>
          <span class="chip-name">{model.name}</span>
          <ModelLoad model={model} />
        </li>
      ))}
      {rest > 0 && <li class="chip chip-rest">{t("notLoaded", { count: rest })}</li>}
    </ul>
  );
};

const ModelLoad = ({ model: { slots, busy_slots: busy = 0, queued = 0 } }: { model: RouterNodeModel }) => {
  const { t } = useTexts();
  const parts = [
    slots !== undefined && busy > 0 && t("slotsBusy", { busy, slots }),
    queued > 0 && t("queued", { count: queued }),
  ].filter(Boolean);
  return parts.length > 0 ? <span class="muted">{parts.join(" · ")}</span> : null;
};

const NodeActions = ({ node, title, onChange }: { node: RouterNode; title: string; onChange(): void }) => {
  const { t } = useTexts();
  const { api, checkRole } = useApp();
  const [removing, setRemoving] = useState(false);
  const [busy, setBusy] = useState(false);
  const path = `/api/router/nodes/${encodeURIComponent(node.id)}`;
  const isDraining = node.status === "draining";
  const drain = async (): Promise<void> => {
    setBusy(true);
    await api.send("POST", `${path}/drain`, { drain: !isDraining }).catch(checkRole);
    setBusy(false);
    onChange();
  };
  const remove = async (): Promise<void> => {
    await api.send("DELETE", path);
    onChange();
  };
  return (
    <span class="node-actions">
      <button type="button" class="button" disabled={busy} title={isDraining ? "" : t("drainHelp")} onClick={drain}>
        {isDraining ? t("resume") : t("drain")}
      </button>
      <button type="button" class="button" onClick={() => setRemoving(true)}>
        {t("remove")}
      </button>
      {removing && (
        <Confirm
          title={t("removeTitle")}
          help={t("removeHelp", { name: title })}
          action={t("remove")}
          onConfirm={remove}
          onClose={() => setRemoving(false)}
        />
      )}
    </span>
  );
};
