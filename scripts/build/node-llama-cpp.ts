import { join } from "node:path";
import type { BunPlugin } from "bun";

const root = join(import.meta.dir, "../..");
const packageDir = join(root, "node_modules/node-llama-cpp");

/** node-llama-cpp finds its files through import.meta.url, which is virtual in an executable; runner/main.ts names the folder instead. */
const nativeDir = `globalThis[Symbol.for("llmlb.nativeDir")]`;

const json = async (path: string) => (await Bun.file(join(packageDir, path)).json()) as Record<string, string>;

/** Modules of node-llama-cpp that an executable cannot use as they are, and what stands in for them. */
const replacements: Record<string, () => Promise<string>> = {
  "dist/config.js": async () =>
    (await Bun.file(join(packageDir, "dist/config.js")).text()).replace(
      /const __dirname = .*/,
      `const __dirname = path.join(${nativeDir}, "node-llama-cpp", "dist");`,
    ),
  "dist/utils/getModuleVersion.js": async () =>
    `export const getModuleVersion = async () => ${JSON.stringify((await json("package.json")).version)};`,
  "dist/bindings/utils/binariesGithubRelease.js": async () => {
    const release = JSON.stringify((await json("llama/binariesGithubRelease.json")).release);
    return `export const getBinariesGithubRelease = async () => ${release};
      export const setBinariesGithubRelease = async () => {};
      export const builtinLlamaCppRelease = ${release};
      export const defaultLlamaCppRelease = ${release};`;
  },
  // A backend is tried by starting a runner with it, so a bad driver never takes the node down.
  "dist/bindings/utils/testBindingBinary.js": async () => "export const testBindingBinary = async () => true;",
};

/** Makes node-llama-cpp work inside a compiled executable. */
export const nodeLlamaCpp = async (): Promise<BunPlugin> => {
  const { version } = await json("package.json");
  return {
    name: "node-llama-cpp",
    setup(build) {
      build.onResolve({ filter: /^@node-llama-cpp\// }, ({ path }) => ({ path, namespace: "node-llama-cpp-pack" }));
      build.onLoad({ filter: /.*/, namespace: "node-llama-cpp-pack" }, () => ({
        loader: "js",
        contents: `import path from "node:path";
          export const getBinsDir = () => ({ binsDir: path.dirname(${nativeDir}), packageVersion: ${JSON.stringify(version)} });`,
      }));
      for (const [path, contents] of Object.entries(replacements)) {
        const filter = new RegExp(`node-llama-cpp[\\\\/]${path.replaceAll("/", "[\\\\/]").replaceAll(".", "\\.")}$`);
        build.onLoad({ filter }, async () => ({ loader: "js", contents: await contents() }));
      }
    },
  };
};
