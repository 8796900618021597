import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { type DashboardFile, pageName } from "../../src/router/embedded-dashboard.ts";

const root = join(import.meta.dir, "../..");

interface Dashboard {
  files: DashboardFile[];
  /** Paths of the source files it was made of. */
  inputs: string[];
}

/** Bundles `src/dashboard` for browsers into `outDir`. Every file but the page has a hash of its content in its name. */
export const buildDashboard = async (outDir: string): Promise<Dashboard> => {
  const naming = "[name]-[hash].[ext]";
  const { outputs, metafile } = await Bun.build({
    entrypoints: [join(root, "src/dashboard/page.html")],
    target: "browser",
    minify: true,
    metafile: true,
    publicPath: "/dashboard/",
    naming: { entry: naming, chunk: naming, asset: naming },
    tsconfig: join(root, "src/dashboard/tsconfig.json"),
    define: { "process.env.NODE_ENV": '"production"' },
  });
  await rm(outDir, { recursive: true, force: true }); // of another build
  await mkdir(outDir, { recursive: true });
  const written = outputs.map(async (output): Promise<DashboardFile> => {
    const name = output.path.endsWith(".html") ? pageName : output.path.replace(/^\.\//, "");
    const bytes = new Uint8Array(await output.arrayBuffer());
    const path = join(outDir, name);
    await Bun.write(path, bytes);
    const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
    return { name, contentType: output.type.replace(";", "; "), path, sha256 };
  });
  const files = (await Promise.all(written)).sort((a, b) => a.name.localeCompare(b.name));
  return { files, inputs: Object.keys(metafile?.inputs ?? {}) };
};

/** Answers src/router/embedded-dashboard.ts with these files, carried inside the executable. */
export const embedDashboard = (files: readonly DashboardFile[]): BunPlugin => ({
  name: "embed-dashboard",
  setup(build) {
    build.onLoad({ filter: /src[\\/]router[\\/]embedded-dashboard\.ts$/ }, () => {
      const imports = files.map(({ name }, index) => `import f${index} from "dashboard-file:${name}";`);
      const rows = files.map(({ path: _, ...file }, index) => `{ ...${JSON.stringify(file)}, path: f${index} }`);
      return {
        loader: "js",
        contents: `${imports.join("\n")}
export const pageName = ${JSON.stringify(pageName)};
export const embeddedDashboard = [${rows.join(",\n")}];`,
      };
    });
    build.onResolve({ filter: /^dashboard-file:/ }, ({ path }) => ({ path, namespace: "dashboard-file" }));
    build.onLoad({ filter: /.*/, namespace: "dashboard-file" }, async ({ path }) => {
      const name = path.slice("dashboard-file:".length);
      const file = files.find((one) => one.name === name);
      if (!file) throw new Error(`the dashboard has no file ${name}`);
      return { loader: "file", contents: await Bun.file(file.path).bytes() };
    });
  },
});
