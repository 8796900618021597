/** A file of the dashboard, for browsers. */
export interface DashboardFile {
  /** Holds a hash of its content, unless it is the page. */
  name: string;
  contentType: string;
  /** Where the executable, or the disk, has it. */
  path: string;
  sha256: string;
}

/** The name of the one that is shown at `/`. */
export const pageName = "page.html";

/** Empty in development; `build.ts` answers this module with what `src/dashboard` is bundled to. */
export const embeddedDashboard: readonly DashboardFile[] = [];
