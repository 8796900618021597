/** One entry of `packages` in package-lock.json (lockfileVersion 3), as far as it is looked at. */
export interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
}

export interface Lockfile {
  lockfileVersion: number;
  packages: Readonly<Record<string, LockedPackage>>;
}

export interface PackageJson {
  dependencies?: Readonly<Record<string, string>>;
  devDependencies?: Readonly<Record<string, string>>;
  /** npm's own: whose install scripts may run. */
  allowScripts?: Readonly<Record<string, boolean>>;
}

export interface Project {
  packageJson: PackageJson;
  lockfile: Lockfile;
  /** Content of .npmrc. */
  npmrc: string;
}

/** Licences of what is installed: all let it be used, changed and passed on in an executable that names them. */
const allowedLicenses: ReadonlySet<string> = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
  "Unlicense",
  "CC0-1.0",
]);

/** The one package that is useless without its install script, which fetches Bun itself. */
const runsScripts: ReadonlySet<string> = new Set(["bun"]);

/** What is wrong with what a project installs, a line each; nothing is asked of a network. */
export const checkLockfile = ({ packageJson, lockfile, npmrc }: Project): string[] => {
  const locked = Object.entries(lockfile.packages).filter(([path]) => path !== "");
  return [
    ...(lockfile.lockfileVersion === 3 ? [] : [`package-lock.json has version ${lockfile.lockfileVersion}, not 3`]),
    ...directVersions(packageJson),
    ...locked.flatMap(([path, entry]) => checkPackage(path, entry)),
    ...checkScripts(locked, packageJson, npmrc),
  ];
};

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/** An exact version is neither a range, nor a repository, nor an address. */
const directVersions = ({ dependencies = {}, devDependencies = {} }: PackageJson): string[] =>
  Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}: "${version}" is no exact version`);

const registry = "https://registry.npmjs.org/";

const checkPackage = (path: string, { resolved, integrity, license, link }: LockedPackage): string[] => {
  const found = [
    !/^node_modules\//.test(path) || link ? "it is no package of a registry" : undefined,
    resolved !== undefined && !resolved.startsWith(registry) ? `it comes from ${resolved}` : undefined,
    integrity?.startsWith("sha512-") ? undefined : "it has no sha512",
    isAllowed(license) ? undefined : `its licence is ${license ?? "not told"}`,
  ];
  return found.flatMap((complaint) => (complaint === undefined ? [] : [`${path}: ${complaint}`]));
};

/** SPDX expressions as packages use them: alternatives, or several that all hold. */
const isAllowed = (license = ""): boolean =>
  license
    .replace(/^\((.*)\)$/, "$1")
    .split(" OR ")
    .some((alternative) => alternative.split(" AND ").every((id) => allowedLicenses.has(id)));

const checkScripts = (
  locked: readonly (readonly [string, LockedPackage])[],
  { allowScripts = {} }: PackageJson,
  npmrc: string,
): string[] => {
  const withScript = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => nameOf(path));
  const allowed = Object.entries(allowScripts).filter(([, runs]) => runs);
  return [
    ...withScript
      .filter((name) => !Object.hasOwn(allowScripts, name))
      .map((name) => `${name} has an install script that allowScripts in package.json does not speak of`),
    ...allowed
      .filter(([name]) => !runsScripts.has(name))
      .map(([name]) => `allowScripts lets the install script of ${name} run`),
    // Without it npm runs what is not spoken of, and only warns.
    ...(/^strict-allow-scripts=true$/m.test(npmrc) ? [] : [".npmrc has no strict-allow-scripts=true"]),
  ];
};
