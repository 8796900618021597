import { dirname } from "node:path";
import type { BunPlugin } from "bun";

/**
 * Optional imports that our dependencies try and survive without. An executable would look for them in the folder where the user
 * stands and run what it finds there, so each becomes a module that throws when it is imported.
 */
const stubbed = /^(electron|supports-color)$|^@reflink\//;

/** Turns the imports named above into throwing stubs and fails the build on any other import that cannot be resolved. */
export const hermetic = (): BunPlugin => ({
  name: "hermetic",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, importer, namespace }) => {
      if (stubbed.test(path)) return { path, namespace: "stub" };
      if (namespace !== "file" || /^(node:|bun($|:)|native-file:|dashboard-file:|@node-llama-cpp\/)/.test(path))
        return undefined;
      try {
        Bun.resolveSync(path, dirname(importer) || ".");
        return undefined;
      } catch {
        throw new Error(
          `${importer} imports "${path}", which is not installed: install it or name it in scripts/build/hermetic.ts`,
        );
      }
    });
    build.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({
      loader: "js",
      contents: `throw new Error(${JSON.stringify(`"${path}" is not part of this executable`)}); export {};`,
    }));
  },
});
