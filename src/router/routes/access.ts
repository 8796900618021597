import { t } from "elysia";
import type { CreatedToken, RouterKeysResponse, RouterTokensResponse } from "../../api/router.ts";
import { parseDuration } from "../../core/duration.ts";
import { AppError } from "../../core/errors.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import type { RouterDeps } from "../deps.ts";
import { hashSecret, newId, newSecret } from "../registry/secret.ts";

const tokenBody = t.Object({ expires_in: t.Optional(t.String()) }, { additionalProperties: true });

const keyBody = t.Object(
  {
    name: t.String({ minLength: 1, maxLength: 64 }),
    scopes: t.Optional(
      t.Array(t.Union([t.Literal("infer"), t.Literal("read"), t.Literal("admin")]), { minItems: 1, maxItems: 3 }),
    ),
    requests_per_minute: t.Optional(t.Integer({ minimum: 1, maximum: 1_000_000 })),
    concurrency: t.Optional(t.Integer({ minimum: 1, maximum: 100_000 })),
  },
  { additionalProperties: true },
);

const dayMs = 86_400_000;
const expiryMaxMs = 30 * dayMs; // a token that lies about for longer is a key without an owner
const tokensMax = 1000;

/** Join tokens and API keys. */
export const accessRoutes = (app: App, deps: RouterDeps) => {
  const { access, registry, log } = deps;
  return app
    .get("/api/router/tokens", async (): Promise<RouterTokensResponse> => {
      const alive = (await registry.tokens()).filter(({ expiresAtMs }) => expiresAtMs > deps.clock.now());
      return {
        tokens: alive.map(({ id, createdAtMs, expiresAtMs }) => ({
          id,
          created_at: date(createdAtMs),
          expires_at: date(expiresAtMs),
        })),
      };
    })
    .post("/api/router/tokens", ({ body }) => createToken(deps, body.expires_in), {
      body: checkedBody(tokenBody),
      parse: "jsonBody",
    })
    .delete("/api/router/tokens/:id", async ({ params: { id } }) => {
      if (!(await registry.removeToken(id))) throw new AppError("not_found", `join token "${id}" not found`);
      return new Response();
    })
    .get("/api/router/keys", (): RouterKeysResponse => ({ keys: access.keys() }))
    .post(
      "/api/router/keys",
      async ({ body }) => {
        const created = await access.create(body);
        log.info(`API key ${created.id} ("${created.name}": ${created.scopes.join(", ")}) was created`);
        return created;
      },
      { body: checkedBody(keyBody), parse: "jsonBody" },
    )
    .delete("/api/router/keys/:id", async ({ params: { id } }) => {
      await access.revoke(id);
      log.info(`API key ${id} was revoked`);
      return new Response();
    });
};

const date = (ms: number): string => new Date(ms).toISOString();

const createToken = async ({ registry, clock, log }: RouterDeps, expiresIn = "24h"): Promise<CreatedToken> => {
  const expiresInMs = parseDuration(expiresIn);
  if (expiresInMs <= 0 || expiresInMs > expiryMaxMs)
    throw new AppError("invalid_argument", `invalid "expires_in" "${expiresIn}": expected up to 720h`);
  const known = await registry.tokens();
  if (known.length >= tokensMax) throw new AppError("conflict", "there are 1000 join tokens already; revoke some");
  const token = newSecret("llmlb-join-");
  const id = newId((taken) => known.some((one) => one.id === taken));
  const createdAtMs = clock.now();
  const expiresAtMs = createdAtMs + expiresInMs;
  await registry.addToken({ id, hash: hashSecret(token), createdAtMs, expiresAtMs });
  log.info(`join token ${id} was created`);
  return { id, token, expires_at: date(expiresAtMs) };
};
