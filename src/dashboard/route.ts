/** The pages, in the order of the navigation. */
export const pages = ["overview", "models", "requests", "chat", "access"] as const;
export type Page = (typeof pages)[number];

/** `#/models` -> `models`; what is no page is the first. */
export const pageOf = (hash: string): Page => pages.find((page) => hash === `#/${page}`) ?? "overview";
