import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Built, buildExecutable } from "../build.ts";
import { version } from "../src/core/version.ts";
import { runScript } from "./build/run-script.ts";
import { parseTarget, type TargetName, targetNames, targetOf } from "./build/targets.ts";
import { checkOutLlamaSources } from "./native/llama-sources.ts";
import { runTool } from "./native/run-tool.ts";
import { buildNative, packName } from "./native.ts";
import { addFile, addGpu, addManifest, addTarget, type Release, readEntries } from "./release/assemble.ts";
import { installScripts, licensesName, sbomName, signatureName } from "./release/layout.ts";
import { collectLicenses, type Licenses } from "./release/licenses.ts";
import { releaseTime } from "./release/release-time.ts";
import { type Bom, releaseBom } from "./release/sbom.ts";
import { parsePublicKeys, readSigningKey, signBytes } from "./release/signing.ts";

const root = join(import.meta.dir, "..");
const defaultOutDir = join(root, "dist/release");
const stagingDir = join(root, "build/release");

const bytesOf = (path: string): Promise<Uint8Array> => Bun.file(path).bytes();
const textEntry = async (name: string) => ({ name, bytes: await bytesOf(join(root, name)) });

/** Our own folder is made anew, one of somebody else's has to be empty. */
const emptyFolder = async (outDir: string): Promise<void> => {
  if (outDir === defaultOutDir) await rm(outDir, { recursive: true, force: true });
  if (existsSync(outDir) && (await readdir(outDir)).length > 0)
    throw new Error(`${outDir} is not empty: name an empty folder with --out`);
  await mkdir(outDir, { recursive: true });
};

/** All native folders, before minutes go into anything: what cannot be built here has to be there. */
const prepareNative = async (targets: readonly TargetName[]): Promise<void> => {
  for (const { platform, backends } of targets.map(targetOf))
    for (const backend of [undefined, ...backends]) await buildNative({ platform, ...(backend ? { backend } : {}) });
};

interface Executables {
  target: TargetName;
  plain: Built;
  single: Built;
}

const buildBoth = async (target: TargetName, releaseKeys: string): Promise<Executables> => {
  const build = (embed: boolean, folder: string) =>
    buildExecutable({ target, embed, releaseKeys, outDir: join(stagingDir, target, folder) });
  return { target, plain: await build(false, "plain"), single: await build(true, "single") };
};

const addTargets = async (release: Release, built: readonly Executables[], licenses: Licenses): Promise<void> => {
  const own = await Promise.all(["LICENSE", "README.md"].map(textEntry));
  const texts = [...own, { name: "LICENSES.txt", bytes: new TextEncoder().encode(licenses.text) }];
  for (const { target, plain, single } of built) {
    const { platform, backends } = targetOf(target);
    const executable = await bytesOf(plain.executable);
    const native = await readEntries(plain.nativeDir, `native/${platform}`);
    await addTarget(release, target, { executable, single: await bytesOf(single.executable), native, texts });
    for (const backend of backends) {
      const pack = { platform, backend };
      await addGpu(release, target, backend, await readEntries(await buildNative(pack), `native/${packName(pack)}`));
    }
  }
};

const npmBom = async (): Promise<Bom> =>
  JSON.parse(
    await runTool("npm", [
      "sbom",
      "--prefix",
      root,
      "--sbom-format",
      "cyclonedx",
      "--omit",
      "dev",
      "--package-lock-only",
    ]),
  );

const llamaVersion = async (): Promise<string> =>
  (await Bun.file(join(root, "node_modules/node-llama-cpp/llama/llama.cpp.info.json")).json()).tag;

/** Makes a whole release in `outDir`; returns its files. Throws an Error, for people to read, where anything is missing. */
const makeRelease = async (targets: readonly TargetName[], outDir: string): Promise<Release> => {
  const publicKeys = parsePublicKeys(process.env.LLMLB_RELEASE_PUBLIC_KEYS ?? "");
  const key = await readSigningKey(process.env, publicKeys);
  const release: Release = { version, time: await releaseTime(root), outDir, files: [] };
  await prepareNative(targets);
  await emptyFolder(outDir);
  const built: Executables[] = [];
  for (const target of targets) built.push(await buildBoth(target, publicKeys.join(",")));
  const packages = [...(built[0]?.plain.packages ?? []), "node_modules/node-addon-api", "node_modules/node-llama-cpp"];
  const llama = await checkOutLlamaSources(join(root, "node_modules/node-llama-cpp"), join(root, "build/llama.cpp"));
  const folders = packages.sort().map((folder) => resolve(root, folder));
  const licenses = await collectLicenses({ packages: folders, llama, llamaVersion: await llamaVersion() });
  await addTargets(release, built, licenses);
  await addFile(release, licensesName(version), licenses.text);
  const versions = { bun: process.versions.bun ?? "", llama: await llamaVersion() };
  const bom = releaseBom(await npmBom(), release.time, versions, licenses.packages);
  await addFile(release, sbomName(version), `${JSON.stringify(bom, null, 2)}\n`);
  for (const name of installScripts) await addFile(release, name, await bytesOf(join(root, name)));
  await addManifest(release, key && ((bytes) => signBytes(bytes, key)));
  return release;
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { only: { type: "string" }, out: { type: "string" } } });
  const targets = values.only === undefined ? targetNames : values.only.split(",").map(parseTarget);
  const release = await makeRelease(targets, resolve(values.out ?? defaultOutDir));
  for (const { name, sizeBytes } of release.files)
    console.log(`${(sizeBytes / 1e6).toFixed(1).padStart(8)} MB  ${name}`);
  if (!release.files.some(({ name }) => name === signatureName))
    console.log(
      "not signed: LLMLB_RELEASE_KEY is not set, so there is no manifest.json.sig and nobody can upgrade to this",
    );
};

await runScript(main, "bun scripts/release.ts [--only TARGET,...] [--out DIR]");
