import { systemClock } from "../../core/clock.ts";
import type { HubSettings } from "../../core/hub-settings.ts";
import { isRecord, parseJson } from "../../core/json.ts";
import { silentLog } from "../../core/log.ts";
import { readBounded } from "../../hub/bounded-body.ts";
import { hubHost } from "../../hub/hub-context.ts";
import { networkReason, unreachable } from "../../hub/hub-error.ts";
import { hubFetch } from "../../hub/hub-fetch.ts";
import type { Patient } from "../examine.ts";
import { type Found, ok, problem, warning } from "../finding.ts";

const timeoutMs = 5_000;
const accountMaxBytes = 1024 * 1024; // an account of many organizations has some 20 KB

export const checkHub = async ({ config: { hub }, offline }: Patient): Promise<Found[]> => {
  if (hub.offline) return [ok("HF_HUB_OFFLINE is set: nothing is pulled, and nobody was asked")];
  if (offline) return [ok(`${hubHost(hub)} was not asked (--offline)`)];
  if (!URL.canParse(hub.endpoint)) return [problem(`HF_ENDPOINT "${hub.endpoint}" is no URL`, "mend or unset it")];
  try {
    return [hub.token === undefined ? await askAnybody(hub) : await askWhoami(hub)];
  } catch (thrown) {
    const { message } = unreachable(hub, thrown);
    return [problem(message, "only pulls need it: see the proxy and CA variables, or give --offline")];
  }
};

const ask = async (settings: HubSettings, path: string): Promise<Response> => {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const context = { settings, clock: systemClock, log: silentLog, signal };
    return (await hubFetch(context, settings.endpoint + path)).response;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    throw new Error(`no answer within ${timeoutMs / 1000} s`, { cause: networkReason(thrown) });
  }
};

const askAnybody = async (settings: HubSettings): Promise<Found> => {
  const response = await ask(settings, "/api/models?limit=1");
  await response.body?.cancel();
  return response.ok ? ok(`${hubHost(settings)} answers; no token`) : oddAnswer(settings, response);
};

/** https://huggingface.co/docs/hub/api: `GET /api/whoami-v2` tells whose token it is. */
const askWhoami = async (settings: HubSettings): Promise<Found> => {
  const response = await ask(settings, "/api/whoami-v2");
  const body = parseJson(new TextDecoder().decode(await readBounded(response, accountMaxBytes, "whoami-v2")));
  if (response.ok) {
    const name = isRecord(body) && typeof body.name === "string" ? ` of ${body.name}` : "";
    return ok(`${hubHost(settings)} answers and takes the token${name}`);
  }
  if (response.status === 401 || response.status === 403)
    return problem(
      `${hubHost(settings)} does not accept the token`,
      'check HF_TOKEN, or the file that "hf auth login" wrote',
    );
  if (response.status === 404) return ok(`${hubHost(settings)} answers, but cannot say whether the token is good`);
  return oddAnswer(settings, response);
};

const oddAnswer = (settings: HubSettings, { status }: Response): Found =>
  warning(`${hubHost(settings)} answers with status ${status}`, "try again later, or look at HF_ENDPOINT");
