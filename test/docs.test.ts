import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const pages = ["*.md", "docs/**/*.md"].flatMap((pattern) => [...new Glob(pattern).scanSync(root)]).sort();
const sources = [...new Glob("src/**/*.ts").scanSync(root)].map(read);

test("every link of the documentation leads to a file that is there", () => {
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^(https?|mailto):/.test(target) && !existsSync(join(root, dirname(page), target)))
      .map((target) => `${page}: ${target}`),
  );
  expect(pages.length).toBeGreaterThan(10);
  expect(broken).toEqual([]);
});

/** Where a message is put together: at values such as numbers, addresses and quoted names, at three dots, and between clauses. */
const changing =
  /[(:;,]\s|\)|\.\.\.|"[^"]*"|https?:\/\/\S+|[\d.]+:\d+|\d[\d.]*(?: GB)?|\b(?:N|SIGKILL|cuda|vulkan|huggingface\.co|node|router|sha256)\b|\bwas ended/;

/** The parts of a message that have to be in a source file as they are. */
const fixedParts = (message: string) =>
  message
    .split(changing)
    .map((part) => part.trim())
    .filter((part) => part.length >= 6);

test("every message that the troubleshooting page explains is made of what the sources say", () => {
  const headings = read("docs/troubleshooting.md")
    .split("\n")
    .filter((line) => line.startsWith("**`"));
  const messages = headings.flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message));
  expect(messages.length).toBeGreaterThan(25);
  const unknown = messages.flatMap(fixedParts).filter((part) => !sources.some((source) => source.includes(part)));
  expect(unknown).toEqual([]);
});

/** What is the same in every language: code blocks, and what the first cells of tables name. */
const skeleton = (page: string) => ({
  code: [...read(page).matchAll(/^```[\s\S]*?^```/gm)].map(([block]) => block),
  rows: [...read(page).matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell = ""]) => cell.match(/`[^`]+`/g)),
  headings: read(page).match(/^#+ /gm),
  links: [...read(page).matchAll(/\]\((docs[^)]*)\)/g)].map(([, target]) => target),
});

test("README.ja.md is in step with README.md", () => {
  expect(skeleton("README.ja.md")).toEqual(skeleton("README.md"));
});
