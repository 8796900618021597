import { useState } from "preact/hooks";
import type {
  CreatedKey,
  CreatedToken,
  RouterKey,
  RouterKeysResponse,
  RouterToken,
  RouterTokensResponse,
} from "../../api/router.ts";
import { Confirm } from "../parts/confirm.tsx";
import { Secret } from "../parts/secret.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { useApp } from "../use-app.ts";
import { usePoll } from "../use-poll.ts";
import { useTexts } from "../use-texts.ts";
import { CreateKey } from "./create-key.tsx";

const everyMs = 10_000;

/** Who may do what, and which nodes may come in. */
export const AccessView = () => {
  const { t } = useTexts();
  const { api } = useApp();
  const polled = usePoll(
    "access",
    async (signal) => {
      const [{ keys }, { tokens }] = await Promise.all([
        api.get<RouterKeysResponse>("/api/router/keys", signal),
        api.get<RouterTokensResponse>("/api/router/tokens", signal),
      ]);
      return { keys, tokens };
    },
    everyMs,
  );
  const { value, reload } = polled;
  return (
    <>
      <h1>{t("access")}</h1>
      <Trouble polled={polled} />
      {value && <Keys keys={value.keys} onChange={reload} />}
      {value && <Tokens tokens={value.tokens} onChange={reload} />}
    </>
  );
};

const Keys = ({ keys, onChange }: { keys: readonly RouterKey[]; onChange(): void }) => {
  const { t } = useTexts();
  const { checkRole } = useApp();
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<CreatedKey>();
  const show = (key: CreatedKey): void => {
    setCreating(false);
    setCreated(key);
  };
  const close = (): void => {
    setCreated(undefined);
    checkRole(); // the first admin's key closes the router to those who have none
    onChange();
  };
  return (
    <section>
      <div class="title-row">
        <h2>{t("keys")}</h2>
        <button type="button" class="button push-end" onClick={() => setCreating(true)}>
          {t("createKey")}
        </button>
      </div>
      <p class="muted">{keys.length > 0 ? t("keysHelp") : t("noKeys")}</p>
      {keys.length > 0 && (
        <ul class="card rows">
          {keys.map((key) => (
            <KeyRow key={key.id} row={key} onChange={onChange} />
          ))}
        </ul>
      )}
      {creating && <CreateKey onClose={() => setCreating(false)} onCreated={show} />}
      {created && <Secret secret={created.key} onClose={close} />}
    </section>
  );
};

const KeyRow = ({ row, onChange }: { row: RouterKey; onChange(): void }) => {
  const { t, format } = useTexts();
  const { requests_per_minute: perMinute, concurrency } = row;
  const facts = [
    row.scopes.join(", "),
    perMinute !== undefined && t("limitPerMinute", { count: format.number(perMinute) }),
    concurrency !== undefined && t("limitConcurrency", { count: format.number(concurrency) }),
    `${t("created")} ${format.date(row.created_at)}`,
  ];
  return <Revocable {...{ id: row.id, name: row.name, facts, path: "/api/router/keys", onChange }} />;
};

interface RevocableProps {
  id: string;
  name: string;
  facts: readonly (string | false)[];
  path: string;
  onChange(): void;
}

/** A key or a token, with the button that ends it. */
const Revocable = ({ id, name, facts, path, onChange }: RevocableProps) => {
  const { t } = useTexts();
  const { api } = useApp();
  const [revoking, setRevoking] = useState(false);
  const revoke = async (): Promise<void> => {
    await api.send("DELETE", `${path}/${encodeURIComponent(id)}`);
    onChange();
  };
  return (
    <li>
      <span class="row-main">
        <strong>{name}</strong>
        <span class="muted">{facts.filter(Boolean).join(" · ")}</span>
      </span>
      <button type="button" class="button" aria-label={`${t("revoke")} ${name}`} onClick={() => setRevoking(true)}>
        {t("revoke")}
      </button>
      {revoking && (
        <Confirm
          title={t("revokeTitle", { name })}
          help={t("revokeHelp")}
          action={t("revoke")}
          onConfirm={revoke}
          onClose={() => setRevoking(false)}
        />
      )}
    </li>
  );
};

const Tokens = ({ tokens, onChange }: { tokens: readonly RouterToken[]; onChange(): void }) => {
  const { t, format } = useTexts();
  const { api, checkRole } = useApp();
  const [created, setCreated] = useState<CreatedToken>();
  const create = (): void => {
    api.send<CreatedToken>("POST", "/api/router/tokens", {}).then((token) => {
      setCreated(token);
      onChange();
    }, checkRole);
  };
  const command = (token: string) => `llmlb node serve --router ${location.origin} --join-token ${token}`;
  return (
    <section>
      <div class="title-row">
        <h2>{t("tokens")}</h2>
        <button type="button" class="button push-end" onClick={create}>
          {t("createToken")}
        </button>
      </div>
      <p class="muted">{t("tokensHelp")}</p>
      {tokens.length > 0 && (
        <ul class="card rows">
          {tokens.map(({ id, expires_at }) => {
            const facts = [`${t("expires")} ${format.date(expires_at)}`];
            return <Revocable key={id} {...{ id, name: id, facts, path: "/api/router/tokens", onChange }} />;
          })}
        </ul>
      )}
      {created && (
        <Secret
          secret={created.token}
          command={{ label: t("tokenCommand"), text: command(created.token) }}
          onClose={() => setCreated(undefined)}
        />
      )}
    </section>
  );
};
