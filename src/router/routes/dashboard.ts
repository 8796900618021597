import { AppError } from "../../core/errors.ts";
import type { App } from "../../http/create-app.ts";
import { hasTagged } from "../../http/tagged-json.ts";
import { type DashboardFile, embeddedDashboard, pageName } from "../embedded-dashboard.ts";

/**
 * Names of nodes and models come from strangers. Should one of them ever become markup, it can neither run nor load nor send anything,
 * and no other page can put this one into a frame.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const shared = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" };

const pageHeaders = {
  ...shared,
  "content-security-policy": policy,
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache", // kept, but asked for again each time: another executable has another page
  vary: "Accept",
};

const fileHeaders = { ...shared, "cache-control": "public, max-age=31536000, immutable" };

const plainText = "llmlb router is running"; // what programs expect there, as of Ollama
const noPage = "The dashboard is a part of the executable, which is built by: bun run build";

/** The dashboard for browsers, and a sign of life for everything else. */
export const dashboardRoutes = (app: App, _deps: unknown, files: readonly DashboardFile[] = embeddedDashboard) => {
  const byName = new Map(files.map((file) => [file.name, file]));
  const root = (request: Request): Response => {
    if (!isBrowser(request)) return new Response(plainText, { headers: { vary: "Accept" } });
    const page = byName.get(pageName);
    return page ? answer(request, page, pageHeaders) : new Response(`${plainText}\n${noPage}\n`);
  };
  const asset = (request: Request, name: string): Response => {
    const file = name === pageName ? undefined : byName.get(name);
    if (!file) throw new AppError("not_found", `the dashboard has no file "${name}"`);
    return answer(request, file, fileHeaders);
  };
  return app
    .get("/", ({ request }) => root(request))
    .head("/", ({ request }) => withoutBody(root(request)))
    .get("/dashboard/:name", ({ request, params }) => asset(request, params.name))
    .head("/dashboard/:name", ({ request, params }) => withoutBody(asset(request, params.name)));
};

/** Browsers name text/html when a person goes to an address; curl, Ollama's clients and load balancers do not. */
const isBrowser = ({ headers }: Request): boolean => headers.get("accept")?.includes("text/html") ?? false;

const answer = (request: Request, file: DashboardFile, headers: Record<string, string>): Response => {
  const etag = `"${file.sha256.slice(0, 32)}"`;
  const all = { ...headers, etag };
  if (hasTagged(request, etag)) return new Response(null, { status: 304, headers: all });
  return new Response(Bun.file(file.path), { headers: { ...all, "content-type": file.contentType } });
};

const withoutBody = ({ status, headers }: Response): Response => new Response(null, { status, headers });
