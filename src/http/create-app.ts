import { Elysia } from "elysia";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { errorResponse, toHttpError } from "./errors.ts";
import { type GuardOptions, refuseRequest } from "./guard.ts";
import { pathOf } from "./path.ts";
import { readJson } from "./read-json.ts";

export interface AppOptions extends GuardOptions {
  log: Log;
  /** Moves the patience with slow bodies; default: the system's. */
  clock?: Clock;
  /** Told of every answer; `route` is the pattern that the request matched, or "other". */
  onResponse?(response: { method: string; route: string; status: number }): void;
}

/**
 * The one way to make an Elysia app. Hooks are set before any route, since Elysia applies them only to what follows, and errors
 * become a `Response`, since returning `status()` from onError rewrites Elysia's shared error objects.
 */
export const createApp = ({ log, clock, onResponse, ...guard }: AppOptions) =>
  new Elysia({ normalize: false })
    .onRequest(({ request, set }) => {
      const refusal = refuseRequest(request, guard) ?? refusePath(request);
      if (refusal) {
        set.status = refusal.status; // for onAfterResponse, which sees no Response that a hook has made
        return errorResponse(request, refusal);
      }
      Object.assign(set.headers, corsHeaders(request));
      return preflight(request);
    })
    .parser("jsonBody", ({ request, server }) => {
      server?.timeout(request, 0); // Bun's own asks for 16 KiB/s, more than some links have
      return readJson(request, clock);
    })
    .onTransform(({ body, server, request }) => {
      server?.timeout(request, 0); // it is here in full; its answer may be silent for as long as a load takes
      dropNulls(body);
    })
    .onError(({ code, error, request, set }) => {
      const appError = code === "NOT_FOUND" ? noEndpoint(request) : toHttpError(thrownBy(code, error), request, log);
      set.status = appError.status;
      return errorResponse(request, appError);
    })
    .onAfterResponse(({ request, route, set, responseValue }) => {
      const status = Number((responseValue instanceof Response ? responseValue.status : set.status) ?? 200);
      if (log.verbose) log.debug(`${request.method} ${pathOf(request)} ${status}`);
      onResponse?.({ method: request.method, route: route || "other", status });
    });

export type App = ReturnType<typeof createApp>;

/** Clients in Go and Python write null for what they leave out (`"messages": null`); the schemas need not know. */
const dropNulls = (body: unknown): void => {
  if (typeof body !== "object" || body === null) return;
  for (const [key, value] of Object.entries(body)) if (value === null) Reflect.deleteProperty(body, key);
};

/** Elysia's message is JSON for machines, ours one line for people. */
const noEndpoint = (request: Request) =>
  new AppError("not_found", `${request.method} ${pathOf(request)} is not an endpoint of llmlb`);

/** Elysia wraps what a parser throws. */
const thrownBy = (code: string | number, error: unknown): unknown =>
  code === "PARSE" ? (error as Error).cause : error;

/** Elysia gives a parameter with a broken escape to routes as null. */
const refusePath = (request: Request): AppError | undefined => {
  const path = pathOf(request);
  try {
    if (path.includes("%")) decodeURIComponent(path);
    return undefined;
  } catch {
    return new AppError("not_found", `${path} has a broken percent escape`);
  }
};
