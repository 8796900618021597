import type { Server } from "bun";
import { corsHeaders } from "./cors.ts";
import type { AppOptions } from "./create-app.ts";
import { errorResponse, toHttpError } from "./errors.ts";
import { refuseRequest } from "./guard.ts";
import { pathOf } from "./path.ts";

export type DirectHandler = (request: Request) => Promise<Response>;

/** As `Bun.serve` takes them. */
export type DirectRoutes = Record<string, { POST(request: Request, server: Server<unknown>): Promise<Response> }>;

/**
 * POST endpoints that are asked thousands of times a second, for `listen`: the same guard, errors and log as `createApp` puts around a handler,
 * without Elysia's context, which takes a tenth of such a request.
 */
export const directRoutes = (
  handlers: Readonly<Record<string, DirectHandler>>,
  { log, onResponse, clock: _clock, ...guard }: AppOptions,
): DirectRoutes => {
  const answer = async (request: Request, handle: DirectHandler): Promise<Response> => {
    const refusal = refuseRequest(request, guard);
    if (refusal) return errorResponse(request, refusal);
    const response = await handle(request);
    if (request.headers.has("origin"))
      for (const [name, value] of Object.entries(corsHeaders(request))) response.headers.set(name, value);
    return response;
  };
  const fault = (request: Request, error: unknown): Response =>
    errorResponse(request, toHttpError(error, request, log));
  const serve = async (request: Request, server: Server<unknown>, handle: DirectHandler): Promise<Response> => {
    server.timeout(request, 0); // an answer may be silent for as long as a load takes; bodies are watched by who reads them
    const response = await answer(request, handle).catch((error) => fault(request, error));
    const { status } = response;
    if (log.verbose) log.debug(`${request.method} ${pathOf(request)} ${status}`);
    onResponse?.({ method: request.method, route: pathOf(request), status });
    return response;
  };
  return Object.fromEntries(
    Object.entries(handlers).flatMap(([path, handle]) =>
      // Elysia too takes a path with a slash at its end for the same.
      [path, `${path}/`].map((one) => [one, { POST: (request, server) => serve(request, server, handle) }]),
    ),
  );
};
