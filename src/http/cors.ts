/** Headers that let a page of an allowed origin read the answer (https://fetch.spec.whatwg.org/#http-cors-protocol). */
export const corsHeaders = (request: Request): Record<string, string> => {
  const origin = request.headers.get("origin");
  return origin === null ? {} : { "access-control-allow-origin": origin, vary: "Origin" };
};

const preflightSeconds = "7200"; // the most that Chromium keeps

/** The answer to a browser's question whether it may send a request; undefined when it is none. */
export const preflight = (request: Request): Response | undefined => {
  if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method")) return undefined;
  const asked = request.headers.get("access-control-request-headers");
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(request),
      "access-control-allow-methods": "GET, POST, DELETE, HEAD",
      "access-control-max-age": preflightSeconds,
      ...(asked ? { "access-control-allow-headers": asked } : {}),
    },
  });
};
