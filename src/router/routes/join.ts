import { t } from "elysia";
import type { JoinedNode } from "../../api/router.ts";
import { AppError } from "../../core/errors.ts";
import { checkedBody } from "../../http/checked-body.ts";
import type { App } from "../../http/create-app.ts";
import { givenKeys } from "../../http/guard.ts";
import type { RouterDeps } from "../deps.ts";
import { hashSecret } from "../registry/secret.ts";

const joinBody = t.Object(
  {
    token: t.String({ minLength: 1, maxLength: 256 }),
    url: t.String({ minLength: 1, maxLength: 512 }),
    name: t.Optional(t.String({ minLength: 1, maxLength: 64 })),
    key: t.String({ minLength: 16, maxLength: 256, pattern: "^[\\x21-\\x7e]+$" }),
  },
  { additionalProperties: true },
);

/** How nodes come in by themselves, and where they report. */
export const joinRoutes = (app: App, { cluster, registry, reports, clock, log }: RouterDeps) =>
  app
    .post(
      "/api/router/join",
      async ({ body: { token, ...node } }): Promise<JoinedNode> => {
        const hash = hashSecret(token);
        // Before its address is asked: whoever has no token shall not make the router ask anything.
        if (!(await registry.hasToken(hash, clock.now())))
          throw new AppError("unauthorized", "the join token is unknown, used or expired");
        const joined = await cluster.join(node, () => registry.takeToken(hash, clock.now()));
        log.info(`node ${joined.id} (${node.url}) has joined`);
        return joined;
      },
      { body: checkedBody(joinBody), parse: "jsonBody" },
    )
    .get("/api/router/reports", async ({ request, server }) => {
      const [credential = ""] = givenKeys(request.headers);
      const id = await cluster.nodeOfCredential(credential);
      if (id === undefined) throw new AppError("unauthorized", "the credential is unknown; join with a token");
      if (server?.upgrade(request, { data: reports.peer(id) } as never)) return undefined;
      throw new AppError("invalid_argument", "reports come over a WebSocket");
    });
