import type { NodeKind } from "../../api/router.ts";
import { AppError } from "../../core/errors.ts";
import type { Answer, Ask } from "./ask-node.ts";
import { type Fields, fieldsOf, recordsOf } from "./read-answer.ts";

type Recognise = (ask: Ask) => Promise<boolean>;

const ok = async (ask: Ask, path: string): Promise<Fields> => {
  const { status, body } = await ask(path);
  return status === 200 ? fieldsOf(body) : {};
};

const has = async (ask: Ask, path: string, field: string): Promise<boolean> =>
  Array.isArray((await ok(ask, path))[field]);

const ownedBy = async (ask: Ask, owner: string): Promise<boolean> =>
  recordsOf((await ok(ask, "/v1/models")).data).some(({ owned_by }) => owned_by === owner);

/**
 * What tells a kind from those below it; the first that fits is it. By shapes rather than statuses: LM Studio answers 200 to every
 * path, and llama-server has Ollama's `/api/tags` and OpenAI's `/v1/models` too.
 */
const table: readonly [NodeKind, Recognise][] = [
  ["llmlb", async (ask) => (await has(ask, "/api/node", "models")) && "memory" in (await ok(ask, "/api/node"))],
  [
    "ollama",
    async (ask) =>
      typeof (await ok(ask, "/api/version")).version === "string" &&
      (await has(ask, "/api/tags", "models")) &&
      (await has(ask, "/api/ps", "models")),
  ],
  [
    "lm-studio",
    async (ask) => (await has(ask, "/api/v1/models", "models")) || (await has(ask, "/api/v0/models", "data")),
  ],
  ["vllm", async (ask) => (await ownedBy(ask, "vllm")) || /vllm/i.test((await ask("/v1/models")).server)],
  [
    "llama-server",
    async (ask) =>
      (await ownedBy(ask, "llamacpp")) ||
      "default_generation_settings" in (await ok(ask, "/props")) ||
      /llama\.cpp/i.test((await ask("/v1/models")).server),
  ],
  ["openai", async (ask) => await has(ask, "/v1/models", "data")],
];

/** What kind of server answers. Throws `connection` when none does, `unauthorized` when it wants a key, `unsupported` for another thing. */
export const detectKind = async (ask: Ask): Promise<NodeKind> => {
  for (const [kind, recognise] of table) if (await recognise(ask)) return kind;
  const answers = await Promise.all(["/api/node", "/v1/models"].map(ask));
  if (answers.some(wantsKey)) throw new AppError("unauthorized", "it wants a key; --key-file gives one");
  throw new AppError("unsupported", "it is no server that llmlb knows: it lists no models at /v1/models");
};

const wantsKey = ({ status }: Answer): boolean => status === 401 || status === 403;
