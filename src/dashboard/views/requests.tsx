import type { RecentRequest, RouterActivity, RouterNodesResponse } from "../../api/router.ts";
import { nodeNames } from "../node-names.ts";
import { SearchList } from "../parts/search-list.tsx";
import { Pill } from "../parts/status-pill.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { reasonNames } from "../reason-names.ts";
import { tokensPerSecond } from "../speed.ts";
import { useApp } from "../use-app.ts";
import { usePoll } from "../use-poll.ts";
import { useTexts } from "../use-texts.ts";

const everyMs = 2_000;

/** What was asked of late, where it went and why. */
export const RequestsView = () => {
  const { t } = useTexts();
  const { api } = useApp();
  const polled = usePoll(
    "requests",
    async (signal) => {
      const [{ requests }, { nodes }] = await Promise.all([
        api.get<RouterActivity>("/api/router/activity", signal),
        api.get<RouterNodesResponse>("/api/router/nodes", signal),
      ]);
      return { requests, names: nodeNames(nodes) };
    },
    everyMs,
  );
  const { value } = polled;
  return (
    <>
      <h1>{t("requests")}</h1>
      <Trouble polled={polled} />
      {value?.requests.length === 0 && (
        <div class="card empty">
          <h2>{t("noRequests")}</h2>
          <p>{t("noRequestsHelp")}</p>
        </div>
      )}
      {value && value.requests.length > 0 && (
        <SearchList label={t("filterRequests")} items={value.requests} textOf={(one) => Object.values(one).join(" ")}>
          {(shown) => <RequestTable requests={shown} names={value.names} />}
        </SearchList>
      )}
    </>
  );
};

interface TableProps {
  requests: readonly RecentRequest[];
  /** Of nodes, by their ids. */
  names: ReadonlyMap<string, string>;
}

const RequestTable = ({ requests, names }: TableProps) => {
  const { t } = useTexts();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section class="card table-card" tabIndex={0} aria-label={t("requests")}>
      <table>
        <thead>
          <tr>
            <th>{t("columnTime")}</th>
            <th>{t("columnModel")}</th>
            <th class="not-phone">{t("columnNode")}</th>
            <th class="wide">{t("columnReason")}</th>
            <th class="wide">{t("columnRoute")}</th>
            <th>{t("columnResult")}</th>
            <th class="wide number">{t("columnQueue")}</th>
            <th class="number">{t("columnFirst")}</th>
            <th class="number not-phone">{t("columnDuration")}</th>
            <th class="wide number">{t("columnSpeed")}</th>
          </tr>
        </thead>
        <tbody>
          {requests.map((request) => (
            // Nothing else tells two requests apart that ended in the same millisecond; a new row comes first.
            <Row key={`${request.ended_at} ${request.duration_ms} ${request.node}`} {...{ request, names }} />
          ))}
        </tbody>
      </table>
    </section>
  );
};

const Row = ({ request, names }: { request: RecentRequest; names: TableProps["names"] }) => {
  const { t, format } = useTexts();
  const { node, reason = "", fault, retries, first_byte_ms: firstMs } = request;
  const nodeName = node === undefined ? "–" : (names.get(node) ?? node);
  const speed = tokensPerSecond(request);
  const known = reasonNames[reason];
  return (
    <tr>
      <td class="nowrap">{format.time(request.ended_at)}</td>
      <td class="name-cell">
        {request.model ?? "–"}
        <span class="phone-only muted">{nodeName}</span>
      </td>
      <td class="name-cell not-phone">{nodeName}</td>
      <td class="wide">
        {known ? t(known) : reason}
        {retries > 0 && <span class="second-line muted">{t("afterRetries", { count: retries })}</span>}
      </td>
      <td class="wide nowrap">{request.route}</td>
      <td>
        <Pill tone={toneOf(request)}>{String(request.status)}</Pill>
        {fault && <span class="second-line muted">{fault}</span>}
      </td>
      <td class="wide number nowrap">{request.queue_ms > 0 && format.duration(request.queue_ms)}</td>
      <td class="number nowrap">{firstMs === undefined ? "–" : format.duration(firstMs)}</td>
      <td class="number nowrap not-phone">{format.duration(request.duration_ms)}</td>
      <td class="wide number">
        {speed === undefined ? "–" : `${request.tokens_at_least ? "≥ " : ""}${format.rate(speed)}`}
      </td>
    </tr>
  );
};

const toneOf = ({ fault, status }: RecentRequest) => {
  if (fault === "cancelled") return "idle"; // the client's own doing
  return fault || status >= 400 ? "bad" : "good";
};
