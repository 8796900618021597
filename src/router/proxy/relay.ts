import type { Clock } from "../../core/clock.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { PromptSegment } from "../../core/prompt-prefix.ts";
import { errorResponse } from "../../http/errors.ts";
import { readBody } from "../../http/read-body.ts";
import type { ChoiceRequest, Cluster, NodeState } from "../types.ts";
import { countedBody, createAnswerTokens } from "./answer-tokens.ts";
import { attempt, type Begun, type Failed } from "./attempt.ts";
import { type Client, clientOf } from "./client.ts";
import { type Endpoint, kindCount, serviceFor, wayOf } from "./endpoints.ts";
import { bodyFor, emptyAnswer, type InferenceRequest, isEmpty, readInference, unloads } from "./inference-request.ts";
import type { Management } from "./manage.ts";
import type { NamedNodes } from "./named-nodes.ts";
import { passThrough } from "./pass-through.ts";
import type { Place, Placement } from "./placement.ts";
import type { OpenRecord, RecordKeeper } from "./request-record.ts";
import type { ResponseHomes } from "./response-homes.ts";
import { toUpstream } from "./translate.ts";
import { translateAnswer } from "./translate-answer.ts";
import type { Upstream, UpstreamRequest } from "./upstream.ts";
import { answerHeaders, headerOf, upstreamHeaders } from "./upstream-headers.ts";

/** What the choice needs of a prompt. */
export type HashPrompt = (segments: Iterable<PromptSegment>) => Pick<ChoiceRequest, "prefix" | "promptTokens">;

export interface RelayLimits {
  /** Nodes that are asked for one request. */
  attemptsMax: number;
  /** How long the first byte of a stream may take: to load the model, to wait on the node and to evaluate the prompt. */
  streamFirstByteMs: number;
  /** The same where the first byte comes with the last token. */
  wholeFirstByteMs: number;
}

export interface RelayDeps {
  cluster: Cluster;
  placement: Placement;
  hashPrompt: HashPrompt;
  upstream: Upstream;
  records: RecordKeeper;
  clock: Clock;
  limits: RelayLimits;
  management: Pick<Management, "unload">;
  homes: ResponseHomes;
  named: Pick<NamedNodes, "answering">;
}

export interface Incoming {
  request: Request;
  endpoint: Endpoint;
  /** Who asks, for fairness. */
  tenant: string;
  /** Told at once; returns what is told at the request's end. Throws where this one may not ask now. */
  enter?: (() => () => void) | undefined;
}

/** A request on its way. */
interface Course extends Incoming {
  asked: InferenceRequest;
  record: OpenRecord;
  client: Client;
}

/** Sends a request to a node and its answer back, to another node where the first does not answer. */
export const relay = async (deps: RelayDeps, incoming: Incoming): Promise<Response> => {
  const { request, endpoint } = incoming;
  const record = deps.records.open(endpoint.path);
  try {
    if (incoming.enter) record.whenOver(incoming.enter());
    const bytes = await readBody(request, deps.clock);
    const asked = readInference(endpoint, bytes, request.headers);
    record.model = asked.model;
    if (unloads(asked)) {
      await deps.management.unload(asked.model, endpoint.path, asked.json);
      record.end({ status: 200 });
      return Response.json(emptyAnswer(asked, "unload", deps.clock.now()));
    }
    return await ask(deps, {
      request,
      endpoint,
      tenant: incoming.tenant,
      asked,
      record,
      client: clientOf(request.signal),
    });
  } catch (thrown) {
    const error = toAppError(thrown);
    record.end({ status: error.status, error });
    throw error;
  }
};

/** Asks one node after another, until one begins to answer. */
const ask = async (deps: RelayDeps, course: Course): Promise<Response> => {
  const { asked, request, tenant, record, endpoint } = course;
  const { limits, placement, hashPrompt, clock } = deps;
  const excluded = new Set(excludedFrom(deps, course));
  const { model, session } = asked;
  const wanted = { model, ...hashPrompt(asked.segments), ...(session !== undefined && { session }), excluded };
  let last: Failed | undefined;
  for (let tries = 0; tries < limits.attemptsMax; tries++) {
    const fromMs = clock.now();
    const place = await placement.place(wanted, tenant, request.signal).catch((error: AppError) => {
      if (error.code === "cancelled" || !last) throw last ? error : unserved(error, deps, course);
      return undefined; // what the nodes said is better than that there is no other
    });
    record.queueMs += clock.now() - fromMs;
    if (!place) break;
    record.chosen(place.choice, wayOf(endpoint, place.choice.node.kind));
    const outcome = await tryNode(deps, course, place);
    if (outcome instanceof Response) return outcome;
    excluded.add(place.choice.node.id);
    last = outcome;
  }
  return refusal(course, last);
};

/** Nodes of kinds that cannot do what is asked, or that do not keep the response which is gone on from. */
const excludedFrom = ({ cluster, homes }: RelayDeps, { endpoint, asked }: Course): string[] => {
  const previous = asked.json.previous_response_id;
  const home = typeof previous === "string" ? homes.find(previous) : undefined;
  const { kinds } = serviceFor(endpoint, asked.json);
  if (home === undefined && kinds.length === kindCount) return [];
  const isAble = ({ id, kind }: NodeState) => kinds.includes(kind) && (home === undefined || id === home);
  return cluster.nodes().flatMap((node) => (isAble(node) ? [] : node.id));
};

/** That there is no node may be because of what is asked. */
const unserved = (error: AppError, { named }: RelayDeps, { endpoint, asked }: Course): AppError => {
  const { what, kinds } = serviceFor(endpoint, asked.json);
  const having = named.answering(asked.model);
  if (error.code !== "busy" || having.length === 0 || having.some(({ kind }) => kinds.includes(kind))) return error;
  const model = asked.model.slice(0, 200);
  return new AppError("unsupported", `${what}: no node that has "${model}" can do that; ${kinds.join(", ")} can`);
};

/** The answer of the node, or why there is none. */
const tryNode = async (deps: RelayDeps, course: Course, place: Place): Promise<Response | Failed> => {
  const { clock, cluster, upstream, limits } = deps;
  const { asked, client } = course;
  const { node } = place.choice;
  const startMs = clock.now();
  if (course.record.way === "translated" && isEmpty(asked)) {
    place.lease.end();
    course.record.end({ status: 200 });
    return Response.json(emptyAnswer(asked, "load", startMs)); // of servers that load when they like
  }
  let handedOver = false;
  try {
    const firstByteMs = asked.stream ? limits.streamFirstByteMs : limits.wholeFirstByteMs;
    const options = { upstream, clock, cluster, node, client, firstByteMs };
    const credential = cluster.credential(node.id);
    const result = await attempt(upstreamRequest(course, place, credential), options);
    if (result.kind === "failed") {
      if (result.error.code === "cancelled") throw result.error;
      if (result.outcome) cluster.note(node.id, result.outcome);
      course.record.failed(node.id, result.error);
      const { told } = result;
      return told ? { ...result, told: { ...told, whole: withoutKey(told.whole, credential) } } : result;
    }
    cluster.note(node.id, "answered");
    place.lease.firstByte();
    course.record.firstByte();
    if (course.endpoint.dialect === "responses") deps.homes.note(node.id, result.first);
    handedOver = true;
    return await respond(deps, course, { place, begun: result, startMs });
  } finally {
    if (!handedOver) place.lease.end();
  }
};

const upstreamRequest = ({ asked, endpoint, request }: Course, place: Place, credential?: string): UpstreamRequest => {
  const { node, model } = place.choice;
  const headers = upstreamHeaders(request.headers, credential);
  const { path, body } =
    wayOf(endpoint, node.kind) === "native"
      ? { path: endpoint.path, body: bodyFor(asked, model.name) }
      : toUpstream(asked, { model: model.name, kind: node.kind });
  return { base: node.url, method: "POST", path, headers, body };
};

interface Answering {
  place: Place;
  begun: Begun;
  /** When the node was asked. */
  startMs: number;
}

const respond = async (deps: RelayDeps, course: Course, answering: Answering): Promise<Response> => {
  const { asked, endpoint, request, record } = course;
  const { place, startMs } = answering;
  const { answer, whole } = answering.begun;
  const { status } = answer;
  const translated = status < 300 && wayOf(endpoint, place.choice.node.kind) === "translated";
  const dialect = isStream(headerOf(answer, "content-type")) ? endpoint.dialect : undefined;
  const tokens = createAnswerTokens(dialect && translated ? "openAi" : dialect); // what a node is asked in other words is OpenAI's
  if (whole) tokens.add(whole);
  const end = (error?: AppError): void => {
    place.lease.end(tokens.cached());
    if (error && error.code !== "cancelled") deps.cluster.note(place.choice.node.id, "failed");
    record.end({ status, count: tokens.count(), ...(error && { error }) });
  };
  const mine = record.headers();
  if (whole && !translated) {
    end();
    const headers = [...answerHeaders(answer), ...mine];
    const told = status >= 400 ? withoutKey(whole, deps.cluster.credential(place.choice.node.id)) : whole;
    return new Response(status === 204 || status === 304 ? null : told, { status, headers });
  }
  const body = countedBody(answering.begun.body, tokens);
  if (translated)
    return await translateAnswer({
      ...{ asked, answer, body, whole, startMs, signal: request.signal },
      ...{ clock: deps.clock, headers: mine, onEnd: end },
    });
  const stream = passThrough(body, { dialect, onEnd: end });
  return new Response(stream, { status, headers: [...answerHeaders(answer), ...mine] });
};

/** Servers that look for the mistake at the client's repeat what it sent them; the key is the router's. */
const withoutKey = (whole: Uint8Array, key: string | undefined): Uint8Array => {
  const text = key === undefined ? undefined : Buffer.from(whole).toString("latin1");
  if (key === undefined || !text?.includes(key)) return whole;
  return Buffer.from(text.replaceAll(key, "***"), "latin1");
};

const isStream = (contentType = ""): boolean =>
  contentType.startsWith("text/event-stream") || contentType.startsWith("application/x-ndjson");

/** What the client is told when no node answered: what the last one said, in its words where they are the client's dialect. */
const refusal = ({ request, record }: Course, last: Failed | undefined): Response => {
  const error = last?.error ?? new AppError("busy", "no node takes requests");
  record.end({ status: last?.told?.answer.status ?? error.status, error });
  const mine = record.headers();
  const kept = last?.told;
  if (!kept || record.way !== "native" || kept.whole.length === 0) {
    const response = errorResponse(request, error);
    for (const [name, value] of mine) response.headers.set(name, value);
    return response;
  }
  const headers = new Headers([...answerHeaders(kept.answer), ...mine]);
  if (kept.answer.status === 503 && !headers.has("retry-after")) headers.set("retry-after", "1");
  return new Response(kept.whole, { status: kept.answer.status, headers });
};
