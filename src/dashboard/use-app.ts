import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Api, createApi } from "./api.ts";
import type { Role } from "./role.ts";

/** What every page works with. */
export interface AppState {
  api: Api;
  role: Role;
  /** To be called when the router refuses the key: it may have been revoked. */
  checkRole(): void;
}

export const AppContext = createContext<AppState>({
  api: createApi(undefined),
  role: "none",
  checkRole: () => undefined,
});

export const useApp = (): AppState => useContext(AppContext);
