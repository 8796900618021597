import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { rootGroup } from "../src/cli/command-table.ts";
import { apiMarkdown } from "./reference/api.ts";
import { commandPages } from "./reference/command-tree.ts";
import { manPage } from "./reference/man.ts";
import { commandsMarkdown, environmentMarkdown } from "./reference/markdown.ts";

const root = join(import.meta.dir, "..");

/** The pages that are made of the code, by their paths in the repository. */
export const referencePages = async (): Promise<Record<string, string>> => {
  const pages = await commandPages();
  return {
    "docs/reference/commands.md": commandsMarkdown(pages),
    "docs/reference/environment.md": environmentMarkdown(),
    "docs/reference/api.md": await apiMarkdown(),
    "docs/reference/llmlb.1": manPage(pages, rootGroup.description),
  };
};

if (import.meta.main) {
  for (const [path, text] of Object.entries(await referencePages())) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await Bun.write(join(root, path), text);
    console.log(path);
  }
  process.exit(0); // the node that was asked for its document may have work left
}
