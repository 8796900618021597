import type { KeyScope } from "../api/router.ts";

/** Scopes of which a key needs one; `own` = the route checks its own credential; `none` = it tells nothing of the cluster. */
export type Needed = readonly KeyScope[] | "own" | "none";

/**
 * Who may ask for what; the first row that fits counts. What no row names needs `admin`, so that a route which was forgotten here
 * is closed, not open. `/`, `/health` and `/ready` are open to all: see `http/guard.ts`.
 */
const rows: readonly [method: RegExp, path: RegExp, Needed][] = [
  [/^POST$/, /^\/api\/router\/join$/, "own"],
  [/^GET$/, /^\/api\/router\/reports$/, "own"],
  [/^(GET|HEAD)$/, /^\/api\/router\/(nodes|models|status|activity)$/, ["read"]],
  [/^(GET|HEAD)$/, /^\/dashboard\/[^/]+$/, "none"], // the page at `/`, where the key is asked for
  [/^(GET|HEAD)$/, /^\/metrics$/, ["read"]],
  [/^(GET|HEAD)$/, /^\/(api\/(version|tags|ps|node)|v1\/models(\/.+)?|openapi\.json)$/, ["read", "infer"]],
  [/^POST$/, /^\/api\/show$/, ["read", "infer"]],
  [/^POST$/, /^\/api\/(chat|generate|embed|embeddings)$/, ["infer"]],
  [/^POST$/, /^\/(rerank(ing)?|v1\/.+)$/, ["infer"]],
  [/^(GET|DELETE)$/, /^\/v1\/responses\/[^/]+$/, ["infer"]],
];

export const neededScopes = (method: string, path: string): Needed =>
  rows.find(([methods, paths]) => methods.test(method) && paths.test(path))?.[2] ?? ["admin"];
