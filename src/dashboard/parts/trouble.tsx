import { useEffect } from "preact/hooks";
import { ApiError } from "../api.ts";
import { useApp } from "../use-app.ts";
import type { Polled } from "../use-poll.ts";
import { useTexts } from "../use-texts.ts";

/** Says that what is shown is old, or why there is nothing to show. */
export const Trouble = ({ polled }: { polled: Polled<unknown> }) => {
  const { t, format } = useTexts();
  const { checkRole } = useApp();
  const { error, atMs, value, reload } = polled;
  // Once for each refusal
  useEffect(() => {
    if (error instanceof ApiError && error.status === 401) checkRole(); // the key was revoked, or the first was made
  }, [error]);
  if (error === undefined) return value === undefined ? <p class="muted">{t("loading")}</p> : null;
  const time = atMs === undefined ? "–" : format.time(new Date(atMs).toISOString());
  return (
    <div class="notice" role="status">
      <span>{error instanceof ApiError && error.status > 0 ? error.message : t("connectionLost", { time })}</span>
      <button type="button" class="button" onClick={reload}>
        {t("retry")}
      </button>
    </div>
  );
};
