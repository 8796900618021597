/** Part of the gate: looks at what is installed, and asks the registry what is known of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askRegistry } from "./audit/ask-registry.ts";
import { checkLockfile, type Lockfile, type PackageJson } from "./audit/check-lockfile.ts";

const root = join(import.meta.dir, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

const complaints = checkLockfile({
  packageJson: JSON.parse(read("package.json")) as PackageJson,
  lockfile: JSON.parse(read("package-lock.json")) as Lockfile,
  npmrc: read(".npmrc"),
});
const advisories = await askRegistry();
if ("known" in advisories) complaints.push(...advisories.known);
else console.log(`audit: the registry was not asked for known vulnerabilities: ${advisories.unasked}`);
for (const complaint of complaints) console.error(`Error: ${complaint}`);
if (complaints.length > 0) process.exit(1);
