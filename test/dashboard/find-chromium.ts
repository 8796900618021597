/** Debian's Chromium, or another that is installed; the tests bring none of their own. */
export const chromiumPath: string | undefined =
  ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    .map((name) => Bun.which(name))
    .find((path) => path !== null) ?? undefined;
