import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/core/log.ts";
import { renderGoTemplate } from "../../src/dialect/go-template.ts";
import { resolveModel } from "../../src/router/choice/resolve-model.ts";
import { openNamesFile } from "../../src/router/names-file.ts";
import { manualClock } from "../fakes/manual-clock.ts";
import { allowed, fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

const pieces = [
  "{{",
  "}}",
  "{{- ",
  " -}}",
  "/*",
  "*/",
  "if ",
  "else ",
  "end",
  "and ",
  "or ",
  "not ",
  ".System",
  ".Prompt",
  ".Response",
  "{{ end }}",
  "{{ if .Prompt }}",
  "__proto__ ",
  "constructor ",
  "x",
  " ",
];

test(
  "a Go template makes a prompt or is refused",
  () =>
    holds(
      fc.array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: nastyText }), {
        maxLength: 30,
      }),
      async (parts) => {
        const fields = { System: "S".repeat(10), Prompt: "P".repeat(10), Suffix: "" };
        const template = parts.join("");
        const text = await allowed(() => renderGoTemplate(template, fields));
        expect(text?.length ?? 0).toBeLessThanOrEqual(10 * template.length);
      },
      { runs: 400 },
    ),
  fuzzTimeoutMs,
);

const dir = mkdtempSync(join(tmpdir(), "llmlb-fuzz-names-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const name = fc.oneof(fc.constantFrom("a", "b", "c", "A"), fc.string({ maxLength: 8 }));
const line = fc.oneof(
  fc.tuple(name, name).map(([key, value]) => `${JSON.stringify(key)} = ${JSON.stringify(value)}`),
  fc
    .tuple(name, fc.array(name, { maxLength: 3 }))
    .map(([key, list]) => `${JSON.stringify(key)} = ${JSON.stringify(list)}`),
  fc.constantFrom(
    "[aliases]",
    "[fallbacks]",
    "[x]",
    "[[aliases]]",
    "aliases = 1",
    "a.b = 'c'",
    '"__proto__" = "x"',
    "= 1",
    '"""',
    "[aliases.x]",
    "\ud800",
  ),
  nastyText,
);

test(
  "router.toml is understood, or an error in one line; no name leads in a circle",
  () =>
    holds(
      fc.tuple(fc.array(line, { maxLength: 10 }), name),
      async ([lines, wanted]) => {
        const path = join(dir, "router.toml");
        writeFileSync(path, lines.join("\n"));
        const file = await allowed(() => openNamesFile({ path, clock: manualClock(), log: silentLog }));
        if (!file) return;
        expect(resolveModel(wanted, file.current(), new Set(["a"])).length).toBeGreaterThan(0);
        file.close();
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);
