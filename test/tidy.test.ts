import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "..");
const sources = [...new Glob("src/**/*.{ts,tsx}").scanSync(root)].sort();
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** `src/cli/ui/table.ts` belongs to `cli`, `src/main.ts` to `main`. */
const folderOf = (file: string) => {
  const [, folder = "", ...rest] = file.split("/");
  return rest.length > 0 ? folder : folder.replace(/\.ts$/, "");
};

interface Import {
  file: string;
  specifier: string;
  dynamic: boolean;
}

/** By regular expression, since Bun.Transpiler.scanImports leaves out type-only imports. */
const importsOf = (file: string): Import[] => {
  const text = read(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const fixed = [...text.matchAll(/^\s*(?:import|export)\b[^;"']*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"/gm)];
  const dynamic = [...text.matchAll(/\bimport\(\s*"([^"]+)"/g)];
  return [
    ...fixed.map((match) => ({ file, specifier: match[1] ?? match[2] ?? "", dynamic: false })),
    ...dynamic.map((match) => ({ file, specifier: match[1] ?? "", dynamic: true })),
  ];
};

interface Rule {
  any: string[];
  /** Folders (`node`) that only files matching `where` may import, by import() where `dynamic` says so. */
  limited: { folder: string; dynamic: boolean; where?: RegExp }[];
}

/** Reads the table in docs/architecture.md: the map is the architecture, this test only holds it up. */
const readMap = (): Map<string, Rule> => {
  const rows = [...read("docs/architecture.md").matchAll(/^\| ([a-z, ]+) \| ([^|]+) \|$/gm)];
  const map = new Map<string, Rule>();
  for (const [, folders = "", allowed = ""] of rows) {
    if (folders.trim() === "folder") continue;
    const [plain = "", ...notes] = allowed.split(";");
    const rule = { any: names(plain), limited: notes.flatMap(limitedTo) };
    for (const folder of folders.split(",")) map.set(folder.trim(), rule);
  }
  return map;
};

const names = (text: string) =>
  text
    .replace(/\([^)]*\)/g, "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => /^[a-z]+$/.test(name));

/** `node by import() inside serve` or `runner by import()`. */
const limitedTo = (note: string): Rule["limited"] => {
  const [, who = "", inside] = /^\s*(.+?) by `import\(\)`(?: inside (.+))?$/.exec(note.trim()) ?? [];
  if (!who) throw new Error(`docs/architecture.md: cannot read "${note.trim()}" in the import map`);
  const where = inside
    ? new RegExp(
        inside
          .replace(/`/g, "")
          .split(/, | and /)
          .map((name) => name.trim())
          .join("|"),
      )
    : undefined;
  return who.split(/, | and /).map((folder) => ({ folder: folder.trim(), dynamic: true, ...(where ? { where } : {}) }));
};

const isAllowed = (map: Map<string, Rule>, { file, specifier, dynamic }: Import): boolean => {
  const from = folderOf(file);
  const to = folderOf(relative(root, join(root, dirname(file), specifier)));
  const rule = map.get(from);
  if (!rule) return false;
  if (from === to || rule.any.includes(to)) return true;
  return rule.limited.some((limit) => limit.folder === to && dynamic && (limit.where?.test(file) ?? true));
};

test("every folder of src stands in the import map", () => {
  const map = readMap();
  expect([...new Set(sources.map(folderOf))].filter((folder) => !map.has(folder))).toEqual([]);
  expect(map.size).toBeGreaterThan(10);
});

test("a folder imports only what the map allows", () => {
  const map = readMap();
  const relativeImports = sources.flatMap(importsOf).filter(({ specifier }) => specifier.startsWith("."));
  const insideSrc = relativeImports.filter(({ file, specifier }) => join(dirname(file), specifier).startsWith("src/"));
  expect(
    insideSrc.filter((one) => !isAllowed(map, one)).map(({ file, specifier }) => `${file} -> ${specifier}`),
  ).toEqual([]);
  expect(insideSrc.length).toBeGreaterThan(50);
});

test("a forbidden import would be found", () => {
  const map = readMap();
  expect(isAllowed(map, { file: "src/core/a.ts", specifier: "../store/b.ts", dynamic: false })).toBe(false);
  expect(isAllowed(map, { file: "src/cli/commands/list.ts", specifier: "../../node/serve.ts", dynamic: true })).toBe(
    false,
  );
  expect(isAllowed(map, { file: "src/cli/commands/serve.ts", specifier: "../../node/serve.ts", dynamic: false })).toBe(
    false,
  );
  expect(isAllowed(map, { file: "src/cli/commands/serve.ts", specifier: "../../node/serve.ts", dynamic: true })).toBe(
    true,
  );
});

/** Packages that only some folders may use; what is not named here may be used anywhere in src. */
const packageOwners: Record<string, RegExp> = {
  "node-llama-cpp": /^$/, // its binaries and sources only: its import and getLlama cost 55 ms of every load
  preact: /^src\/dashboard\//,
  "preact/hooks": /^src\/dashboard\//,
  elysia: /^src\/(http|node\/routes|router\/routes)\//,
  citty: /^src\/(cli\/|main\.ts)/,
  consola: /^src\/cli\//,
  "@clack/prompts": /^src\/cli\//,
  "@huggingface/hub": /^src\/hub\//,
};

test("packages stay behind their folders", () => {
  const strays = sources
    .flatMap(importsOf)
    .filter(({ file, specifier }) => packageOwners[specifier]?.test(file) === false);
  expect(strays.map(({ file, specifier }) => `${file} -> ${specifier}`)).toEqual([]);
});

const fileMaxLines = 300;

test("files stay short", () => {
  const long = sources.filter((file) => read(file).split("\n").length > fileMaxLines + 1);
  expect(long).toEqual([]);
});

test("files and folders are named in kebab-case, and none is called utils or index", () => {
  expect(
    sources.filter((file) => !/^src(\/[a-z0-9-]+)+\.tsx?$/.test(file) || /\/(utils?|index)(\.tsx?$|\/)/.test(file)),
  ).toEqual([]);
});

/** What must not stand in src, and why. */
const banned: [RegExp, string, RegExp?][] = [
  [/\bprocess\.env\b/, "only config reads the environment", /^src\/(config\/|main\.ts)/],
  [/\bTODO\b|\bFIXME\b|\bXXX\b/, "unfinished work is an issue, not a comment"],
  [/@ts-(ignore|expect-error|nocheck)/, "types are mended, not silenced"],
  [/parse: "json"/, "a body is read by jsonBody, which knows when it comes too slowly"],
  [/\bas any\b|: any\b/, "any hides mistakes"],
  [
    /\bconsole\.(log|info|warn|error)\b/,
    "logs go through core/log, output through the cli's ui",
    /^src\/runner\/main\.ts/,
  ], // a runner's stderr is its log
];

test("banned calls", () => {
  const found = sources.flatMap((file) =>
    banned
      .filter(([pattern, , except]) => !except?.test(file) && pattern.test(read(file)))
      .map(([, why]) => `${file}: ${why}`),
  );
  expect(found).toEqual([]);
});
