import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { bunComponents, type Component, llamaComponents, type VendoredComponent } from "./native-components.ts";

/** A part of what we ship, and the terms it comes under. */
interface Notice extends Component {
  version: string;
  text: string;
}

const root = join(import.meta.dir, "../..");
const licenseFile = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

/** The standard text of an SPDX license. */
const standardText = async (license: string): Promise<string> => {
  const file = Bun.file(join(root, "node_modules/spdx-license-list/licenses", `${license}.json`));
  if (!(await file.exists())) throw new Error(`there is no text of the license "${license}"`);
  return (await file.json()).licenseText;
};

/** For a package that names its license and brings no text. */
const standardNotice = async (license: string, author: string): Promise<string> =>
  (await standardText(license)).replace("<year> <copyright holders>", author);

export interface PackageFacts {
  name: string;
  version: string;
  license: string;
}

interface PackageJson extends Partial<PackageFacts> {
  name: string;
  version: string;
  author?: string | { name: string };
}

const readPackage = async (folder: string): Promise<PackageJson> => await Bun.file(join(folder, "package.json")).json();

/** Throws an Error, for people to read, for a package that says nothing of its license. */
export const packageNotice = async (folder: string): Promise<Notice> => {
  const { name, version, license, author } = await readPackage(folder);
  if (!license) throw new Error(`${name} ${version} does not name its license: it cannot be part of a release`);
  const file = (await readdir(folder)).sort().find((one) => licenseFile.test(one));
  const by = (typeof author === "string" ? author : author?.name) ?? `the authors of ${name}`;
  const text = file ? await Bun.file(join(folder, file)).text() : await standardNotice(license, by);
  return { name, version, license, url: `https://www.npmjs.com/package/${name}`, text };
};

/** The part of `text` that `from` and `to` mean, without the marks of a comment; throws an Error when they are not there. */
export const excerpt = (text: string, { file, from, to }: VendoredComponent): string => {
  const lines = text.split("\n");
  const first = from === undefined ? 0 : lines.findIndex((line) => line.includes(from));
  const last = to === undefined ? lines.length : lines.findIndex((line, index) => index > first && line.includes(to));
  if (first < 0 || last < 0) throw new Error(`${file} does not hold its license where it used to`);
  return lines
    .slice(first, last + 1)
    .map((line) => line.replace(/^\/\/ ?|\*\/$/g, ""))
    .join("\n")
    .trim();
};

const llamaNotices = async (sources: string, version: string): Promise<Notice[]> =>
  await Promise.all(
    llamaComponents.map(async (component) => {
      const text = excerpt(await Bun.file(join(sources, component.file)).text(), component);
      return { ...component, version: `as in llama.cpp ${version}`, text };
    }),
  );

const relinking = `Bun is linked with JavaScriptCore (LGPL 2) and TinyCC (LGPL 2.1). Their sources, as Bun has changed them, and everything
needed to make Bun anew with other versions of them are at https://github.com/oven-sh/bun (scripts and instructions in its LICENSE.md);
llmlb's own sources and build script make the executable from that Bun.`;

/** Bun's executable: who made what in it, and the whole text of every license that is named. */
const bunNotice = async (version: string, webkit: string): Promise<Notice> => {
  const rows = bunComponents.map(({ name, license, url }) => `- ${name}: ${license}, ${url}`);
  const licenses = [...new Set(bunComponents.flatMap(({ license }) => license.split(" AND ")))].sort();
  const texts = await Promise.all(licenses.map(async (one) => `--- ${one} ---\n\n${(await standardText(one)).trim()}`));
  const own = await standardNotice("MIT", "Oven and the authors of Bun");
  return {
    name: "Bun",
    version,
    license: "MIT",
    url: "https://github.com/oven-sh/bun",
    text: [own, relinking, `WebKit: commit ${webkit}`, rows.join("\n"), ...texts].join("\n\n"),
  };
};

const rule = "=".repeat(80);

const render = ({ name, version, license, url, text }: Notice): string =>
  `${rule}\n${name} ${version} (${license})\n${url}\n${rule}\n\n${text.trim()}\n`;

export interface LicenseSources {
  /** Folders of npm packages. */
  packages: readonly string[];
  /** Folder of llama.cpp's sources. */
  llama: string;
  llamaVersion: string;
}

/** `LICENSES.txt`, and what of npm it speaks of. */
export interface Licenses {
  text: string;
  packages: PackageFacts[];
}

/** Everything in an archive that others made, with the terms it comes under. */
export const collectLicenses = async ({ packages, llama, llamaVersion }: LicenseSources): Promise<Licenses> => {
  const fromNpm = await Promise.all(packages.map(packageNotice));
  const notices = [
    await bunNotice(process.versions.bun ?? "", process.versions.webkit ?? ""),
    ...(await llamaNotices(llama, llamaVersion)),
    ...fromNpm,
  ];
  const contents = notices.map(({ name, license }) => `- ${name} (${license})`).join("\n");
  const text = `llmlb is made of its own code (LICENSE) and of what others made:\n\n${contents}\n\n${notices.map(render).join("\n")}`;
  return { text, packages: fromNpm.map(({ name, version, license }) => ({ name, version, license })) };
};
