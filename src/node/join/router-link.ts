import { hostname } from "node:os";
import type { JoinedNode, JoinRequest } from "../../api/router.ts";
import type { JoinSettings } from "../../config/router-settings.ts";
import { sleep } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import { isRecord, parseJson } from "../../core/json.ts";
import type { NodeDeps } from "../deps.ts";
import { advertisedUrl } from "./advertised-url.ts";
import { type Membership, openMembership } from "./membership.ts";
import { openReportStream, type ReportStream } from "./report-stream.ts";
import { createTelemetry } from "./telemetry.ts";

/** This node's part in the cluster of a router. */
export interface RouterLink {
  /** Tells the router that this node goes, and ends. */
  leave(): Promise<void>;
}

const retryMs = 1_000;
const retryMaxMs = 30_000;
const leaveMs = 1_000;

/** Joins, reports, and does both again for as long as the node runs; a router that is not there is waited for. */
export const startRouterLink = (deps: NodeDeps, settings: JoinSettings, port: number): RouterLink => {
  const { clock, log } = deps;
  const leaving = new AbortController();
  let stream: ReportStream | undefined;
  let complaint = "";
  let failures = 0;
  const once = async () => {
    const url = await advertisedUrl(deps.config, settings, port);
    const membership = openMembership(settings.dir, settings.routerUrl, url);
    const credential = membership.read() ?? (await join(deps, settings, url, membership, leaving.signal));
    if (leaving.signal.aborted) return;
    stream = openReportStream(
      { routerUrl: settings.routerUrl, credential },
      { telemetry: createTelemetry(deps), clock },
    );
    void stream.heard.then(() => log.info(`reporting to the router at ${settings.routerUrl}`));
    const { heard } = await stream.ended;
    if (leaving.signal.aborted) return;
    if (!heard) await explain(settings, credential, membership, leaving.signal);
    failures = 0;
    complaint = "";
    log.warn(`the router at ${settings.routerUrl} is gone; trying again`);
  };
  const run = async () => {
    while (!leaving.signal.aborted) {
      await once().catch((thrown) => {
        failures++;
        const { message } = toAppError(thrown);
        if (message !== complaint && !leaving.signal.aborted) log.error(`no part in a cluster yet: ${message}`);
        complaint = message; // once is enough
      });
      const delayMs = Math.min(retryMaxMs, retryMs * 2 ** Math.max(0, failures - 1)) * (0.8 + 0.4 * Math.random());
      await sleep(clock, delayMs, leaving.signal).catch(() => undefined);
    }
  };
  const running = run();
  return {
    async leave() {
      leaving.abort(new AppError("cancelled", "the node stops"));
      await stream?.leave();
      await Promise.race([running, sleep(clock, leaveMs)]); // a connection that is being made to nowhere is not waited for
    },
  };
};

const answerMs = 15_000; // the router asks this node back before it answers

/** Uses the join token up. Throws what the router says. */
const join = async (
  { log, routerKey = "" }: NodeDeps,
  { routerUrl, token }: JoinSettings,
  url: string,
  membership: Membership,
  signal: AbortSignal,
): Promise<string> => {
  if (token === undefined)
    throw new AppError("unauthorized", `the router at ${routerUrl} does not know this node; give a --join-token`);
  const request: JoinRequest = { token, url, key: routerKey, name: hostname().slice(0, 64) };
  const response = await ask(`${routerUrl}/api/router/join`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
  });
  const body = parseJson(await response.text());
  if (!response.ok)
    throw new AppError("forbidden", `the router at ${routerUrl} says: ${errorOf(body, response.status)}`);
  const { id, credential } = (body ?? {}) as Partial<JoinedNode>;
  if (!id || !credential) throw new AppError("corrupt", `${routerUrl} is not an llmlb router`);
  membership.save(credential);
  log.info(`joined the cluster of ${routerUrl} as ${id}, reached at ${url}`);
  return credential;
};

const errorOf = (body: unknown, status: number): string =>
  isRecord(body) && typeof body.error === "string" ? body.error : String(status);

const ask = (url: string, init: RequestInit): Promise<Response> =>
  fetch(url, init).catch((cause) => {
    throw new AppError("connection", `cannot connect to the router at ${new URL(url).host}`, { cause });
  });

/** A WebSocket does not tell why it did not open; the same question without one does. */
const explain = async (
  { routerUrl }: JoinSettings,
  credential: string,
  membership: Membership,
  leaving: AbortSignal,
): Promise<never> => {
  const response = await ask(`${routerUrl}/api/router/reports`, {
    headers: { authorization: `Bearer ${credential}` },
    redirect: "manual",
    signal: AbortSignal.any([leaving, AbortSignal.timeout(answerMs)]),
  });
  const body = parseJson(await response.text());
  if (response.status === 401) membership.forget(); // it was removed there: only a new token helps
  throw new AppError("connection", `the router at ${routerUrl} takes no reports: ${errorOf(body, response.status)}`);
};
