const storageName = "llmlb-key";

/**
 * The key stays in the tab that it was typed into. A cookie would be sent to every server on this host, whatever its port, nodes of
 * strangers included, and by every page on it.
 */
export const keptKey = {
  read: (): string | undefined => sessionStorage.getItem(storageName) ?? undefined,
  write: (key: string): void => sessionStorage.setItem(storageName, key),
  forget: (): void => sessionStorage.removeItem(storageName),
};
