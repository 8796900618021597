import { isBuiltin } from "node:module";
import type { BuildMetafile, BunPlugin } from "bun";

/**
 * Optional imports that our dependencies try and survive without. An executable would look for them in the folder where the user
 * stands and run what it finds there, so each becomes a module that throws when it is imported.
 */
const stubbed = /^(electron|supports-color)$|^@reflink\//;

/**
 * Turns the imports named above into throwing stubs. It looks at no other import: a plugin that is asked about many has Bun number the files
 * in an order that depends on time, and one executable in twenty came out with other bytes.
 */
export const hermetic = (): BunPlugin => ({
  name: "hermetic",
  setup(build) {
    build.onResolve({ filter: stubbed }, ({ path }) => ({ path, namespace: "stub" }));
    build.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({
      loader: "js",
      contents: `throw new Error(${JSON.stringify(`"${path}" is not part of this executable`)}); export {};`,
    }));
  },
});

/**
 * Throws an Error, for people to read, when an import was left for run time, which Bun does with one that is not found inside of a `try`: the
 * executable would look for it where the user stands.
 */
export const refuseLeftovers = ({ inputs }: Pick<BuildMetafile, "inputs">): void => {
  for (const [importer, { imports }] of Object.entries(inputs)) {
    // What has an entry point is a chunk of the bundle's own.
    const left = imports.find((one) => one.external && !("entryPoint" in one) && !isBuiltin(one.path));
    if (left)
      throw new Error(
        `${importer} imports "${left.path}", which is not installed: install it or name it in scripts/build/hermetic.ts`,
      );
  }
};
