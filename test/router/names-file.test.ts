import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../src/core/log.ts";
import { openNamesFile, parseNames } from "../../src/router/names-file.ts";
import { manualClock } from "../fakes/manual-clock.ts";

const dir = mkdtempSync(join(tmpdir(), "llmlb-names-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("names are found in any letter case, and stand for what the file says", () => {
  const { aliases, fallbacks } = parseNames(`
    [aliases]
    "GPT-4o" = "org/Big"
    fast = "org/Small:Q4_0"
    [fallbacks]
    "org/Big" = ["org/Middle", "fast"]
  `);
  expect([...aliases]).toEqual([
    ["gpt-4o", "org/Big"],
    ["fast", "org/Small:Q4_0"],
  ]);
  expect([...fallbacks]).toEqual([["org/big", ["org/Middle", "fast"]]]);
  expect(parseNames("").aliases.size).toBe(0);
});

test.each([
  ["[alias]\na = 'b'", 'unknown table "alias": expected aliases and fallbacks'],
  ["aliases = 3", '"aliases" is no table'],
  ["[aliases]\na = 3", '"a" in aliases: expected the name of a model'],
  ["[aliases]\na = ' '", '"a" in aliases: expected the name of a model'],
  ["[fallbacks]\na = 'b'", '"a" in fallbacks: expected a list of names of models'],
])("%j is refused by name", (toml, message) => {
  expect(() => parseNames(toml)).toThrow(message);
});

test("a change is read when it comes; a wrong one changes nothing and is told once", async () => {
  const clock = manualClock();
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (line: string) => void warnings.push(line) };
  const path = join(dir, "router.toml");
  const file = openNamesFile({ path, clock, log });
  expect(file.current().aliases.size).toBe(0);
  const write = async (text: string) => {
    writeFileSync(`${path}.new`, text); // as editors do
    renameSync(`${path}.new`, path);
    await clock.advance(2_000);
  };
  await write("[aliases]\na = 'org/one'");
  expect(file.current().aliases.get("a")).toBe("org/one");
  await write("[aliases]\na = ");
  await clock.advance(60_000);
  expect(file.current().aliases.get("a")).toBe("org/one");
  expect(warnings).toEqual([expect.stringContaining("the names that it had before stay")]);
  await write("[aliases]\na = 'org/two'");
  expect(file.current().aliases.get("a")).toBe("org/two");
  rmSync(path);
  await clock.advance(2_000);
  expect(file.current().aliases.size).toBe(0);
  file.close();
});

test("a router does not start with a file that is wrong", () => {
  const path = join(dir, "wrong.toml");
  writeFileSync(path, "[aliases]\na = 3");
  expect(() => openNamesFile({ path, clock: manualClock(), log: silentLog })).toThrow(
    `${path}: "a" in aliases: expected the name of a model`,
  );
});
