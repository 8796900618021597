import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { BunPlugin } from "bun";

/** Answers src/native/embedded.ts with every file of `nativeDir`, carried inside the executable. */
export const embedNative = (nativeDir: string): BunPlugin => ({
  name: "embed-native",
  setup(build) {
    build.onLoad({ filter: /src[\\/]native[\\/]embedded\.ts$/ }, async () => {
      const names = (await readdir(nativeDir)).sort();
      const files = await Promise.all(names.map((name) => describe(nativeDir, name)));
      const imports = files.map((file, index) => `import f${index} from "native-file:${file.name}";`);
      const rows = files.map((file, index) => `{ ...${JSON.stringify(file)}, path: f${index} }`);
      return { loader: "js", contents: `${imports.join("\n")}\nexport const embeddedFiles = [${rows.join(",\n")}];` };
    });
    // The default loader of a .node file would extract it alone, into a world-writable folder. Bun puts a hash of the path into the
    // executable, so that is without the folder it is built in.
    build.onResolve({ filter: /^native-file:/ }, ({ path }) => ({ path, namespace: "native-file" }));
    build.onLoad({ filter: /.*/, namespace: "native-file" }, async ({ path }) => ({
      loader: "file",
      contents: await Bun.file(join(nativeDir, path.slice("native-file:".length))).bytes(),
    }));
  },
});

const describe = async (dir: string, name: string) => {
  const bytes = await Bun.file(join(dir, name)).bytes();
  return { name, sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length };
};
