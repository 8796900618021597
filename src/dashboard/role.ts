import type { Page } from "./route.ts";

/** What the bearer of a key may do here; `none` has to sign in. */
export type Role = "none" | "chat" | "reader" | "admin";

/** From the statuses that the router gives for what needs `read` and for what needs `admin`. */
export const roleOf = ({ read, admin }: { read: number; admin: number }): Role => {
  if (admin === 200) return "admin";
  if (read === 200) return "reader";
  return read === 403 ? "chat" : "none"; // the key is known, but may not look at the cluster
};

export const pagesOf: Record<Role, readonly Page[]> = {
  none: [],
  chat: ["chat"],
  reader: ["overview", "models", "requests", "chat"],
  admin: ["overview", "models", "requests", "chat", "access"],
};
