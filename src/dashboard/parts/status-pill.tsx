import type { NodeStatus } from "../../api/router.ts";
import type { MessageKey } from "../text/en.ts";
import { useTexts } from "../use-texts.ts";

export type Tone = "good" | "warn" | "bad" | "idle";

/** A word with a colour; the word says it all. */
export const Pill = ({ tone, children }: { tone: Tone; children: string }) => (
  <span class={`pill pill-${tone}`}>{children}</span>
);

const toneOf: Record<NodeStatus, Tone> = { online: "good", degraded: "warn", draining: "idle", offline: "bad" };

export const NodeStatusPill = ({ status }: { status: NodeStatus }) => {
  const { t } = useTexts();
  return <Pill tone={toneOf[status]}>{t(status satisfies MessageKey)}</Pill>;
};
