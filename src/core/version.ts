import { version as packageVersion } from "../../package.json" with { type: "json" };

/** llmlb's own version; the build puts it into the executable. */
export const version: string = packageVersion;
