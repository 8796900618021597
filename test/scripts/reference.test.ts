import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { referencePages } from "../../scripts/reference.ts";
import { operations } from "../../src/node/openapi-operations.ts";

const root = join(import.meta.dir, "../..");
const pages = await referencePages();
const committed = (path: string) => Bun.file(join(root, path)).text();

test.each(Object.keys(pages))("%s is what the code says: if not, run bun scripts/reference.ts", async (path) => {
  expect(await committed(path)).toBe(pages[path] ?? "");
});

test("every operation and the router's own routes are in the API's page", () => {
  const page = pages["docs/reference/api.md"] ?? "";
  for (const key of Object.keys(operations)) {
    const shown = key.replace(/:(\w+)/g, "{$1}").replace("*", "{model}");
    expect(page).toContain(`\`${shown}\``);
  }
  expect(page).toContain("| `POST /api/router/join` | own |");
  expect(page).toContain("| `POST /api/router/keys` | admin |");
});

const manual = join(root, "docs/reference/llmlb.1");

describe.skipIf(!Bun.which("mandoc"))("mandoc", () => {
  test("finds nothing wrong with the man page", () => {
    const { stdout, exitCode } = Bun.spawnSync(["mandoc", "-Tlint", "-Wwarning", manual]);
    expect([String(stdout), exitCode]).toEqual(["", 0]);
  });
});

describe.skipIf(!Bun.which("man"))("man", () => {
  test("shows flags with hyphens that can be copied", () => {
    const env = { PATH: process.env.PATH ?? "", MANWIDTH: "200", MANROFFOPT: "-c", LC_ALL: "C.UTF-8" };
    const { stdout, stderr, exitCode } = Bun.spawnSync(["man", "--warnings", "-l", manual], { env });
    expect([String(stderr), exitCode]).toEqual(["", 0]);
    const text = String(stdout);
    expect(text).toMatch(/^ +--dry-run/m);
    expect(text).toContain("~/.llmlb/models");
    expect(text).toContain('"Why is the sky blue?"');
  });
});
