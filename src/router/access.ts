import type { CreatedKey, CreateKeyRequest, KeyScope, RouterKey } from "../api/router.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { givenKeys, isSame } from "../http/guard.ts";
import { pathOf } from "../http/path.ts";
import type { Registry, StoredKey } from "./registry/registry.ts";
import { hashSecret, newId, newSecret } from "./registry/secret.ts";
import { type Needed, neededScopes } from "./route-scopes.ts";

/** Who asks, and how much. */
export interface Caller {
  /** Of the key; `""` without one. */
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  readonly requestsPerMinute?: number;
  readonly concurrency?: number;
}

/** The one place where keys are checked. */
export interface Access {
  /** Why the request is refused: `unauthorized` or `forbidden`. Undefined when it may pass. */
  refuse(request: Request): AppError | undefined;
  /** Whose request it is; without a known key the anonymous caller, who may do what `refuse` lets pass. */
  caller(request: Request): Caller;
  hasAdmin(): boolean;
  keys(): RouterKey[];
  create(request: CreateKeyRequest): Promise<CreatedKey>;
  /** Throws `not_found`. */
  revoke(id: string): Promise<void>;
}

export interface AccessOptions {
  registry: Registry;
  clock: Clock;
  /** A key that may do everything, from LLMLB_API_KEY. */
  apiKey?: string | undefined;
  /** May be used without a key while none exists: on loopback, or where somebody has said so. */
  openWithoutKeys: boolean;
}

const anonymous: Caller = { id: "", name: "anonymous", scopes: [] };
const owner: Caller = { id: "env", name: "LLMLB_API_KEY", scopes: ["infer", "read", "admin"] };
const defaultScopes: readonly KeyScope[] = ["infer", "read"];

export const createAccess = async (options: AccessOptions): Promise<Access> => {
  const { registry, clock, apiKey } = options;
  const byHash = new Map((await registry.keys()).map((key) => [key.hash, key]));
  const all = () => [...byHash.values()];
  const hasAdmin = () => apiKey !== undefined || all().some(({ scopes }) => scopes.includes("admin"));
  const callerOf = (request: Request): Caller | undefined => {
    for (const given of givenKeys(request.headers)) {
      if (apiKey !== undefined && isSame(given, apiKey)) return owner;
      const found = byHash.get(hashSecret(given)); // how long this takes tells of hashes, not of keys
      if (found) return found;
    }
    return undefined;
  };
  /** Without a key: what nobody could have a key for yet. */
  const isOpen = (needed: readonly KeyScope[]): boolean =>
    options.openWithoutKeys && (needed.includes("admin") ? !hasAdmin() : apiKey === undefined && byHash.size === 0);
  return {
    refuse: (request) => refuse(neededScopes(request.method, pathOf(request)), callerOf(request), isOpen),
    caller: (request) => callerOf(request) ?? anonymous,
    hasAdmin,
    keys: () => all().map(toRouterKey),
    async create(request) {
      const secret = newSecret("llmlb-key-");
      const key = newKey(request, secret, { nowMs: clock.now(), isTaken: (id) => all().some((one) => one.id === id) });
      await registry.addKey(key);
      byHash.set(key.hash, key);
      return { ...toRouterKey(key), key: secret };
    },
    async revoke(id) {
      if (!(await registry.removeKey(id))) throw new AppError("not_found", `API key "${id}" not found`);
      const revoked = all().find((key) => key.id === id);
      if (revoked) byHash.delete(revoked.hash);
    },
  };
};

const refuse = (
  needed: Needed,
  caller: Caller | undefined,
  isOpen: (needed: readonly KeyScope[]) => boolean,
): AppError | undefined => {
  if (needed === "own" || needed === "none" || isOpen(needed)) return undefined;
  if (!caller) return new AppError("unauthorized", "missing or wrong API key; clients of llmlb send LLMLB_API_KEY");
  if ([...needed, "admin" as const].some((scope) => caller.scopes.includes(scope))) return undefined;
  return new AppError("forbidden", `API key "${caller.name}" lacks the scope ${needed.join(" or ")}`);
};

const newKey = (
  { name, scopes = [...defaultScopes], requests_per_minute, concurrency }: CreateKeyRequest,
  secret: string,
  { nowMs, isTaken }: { nowMs: number; isTaken(id: string): boolean },
): StoredKey => ({
  id: newId(isTaken),
  name,
  hash: hashSecret(secret),
  scopes: [...new Set(scopes)],
  ...(requests_per_minute !== undefined && { requestsPerMinute: requests_per_minute }),
  ...(concurrency !== undefined && { concurrency }),
  createdAtMs: nowMs,
});

const toRouterKey = ({ id, name, scopes, requestsPerMinute, concurrency, createdAtMs }: StoredKey): RouterKey => ({
  id,
  name,
  scopes: [...scopes],
  ...(requestsPerMinute !== undefined && { requests_per_minute: requestsPerMinute }),
  ...(concurrency !== undefined && { concurrency }),
  created_at: new Date(createdAtMs).toISOString(),
});
