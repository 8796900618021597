import { describe, expect, test } from "bun:test";
import { rootGroup } from "../../../src/cli/command-table.ts";
import { findWanted } from "../../../src/cli/complete/wanted.ts";

/** The words that may stand at the end of a line; a space there begins a new word. */
const wanted = async (line: string) => {
  const words = line.split(" ").slice(1);
  return await findWanted(rootGroup, words.slice(0, -1), words.at(-1) ?? "");
};

const values = async (line: string) => {
  const found = await wanted(line);
  return "words" in found ? found.words.map(({ value }) => value) : found;
};

describe("words", () => {
  test.each<[string, string[]]>([
    ["llmlb n", ["node"]],
    ["llmlb --", ["--help", "--version"]],
    ["llmlb node -", ["--help"]],
    ["llmlb node --h", ["--help"]],
    ["llmlb node s", ["serve", "show", "stop"]],
    ["llmlb router key c", ["create"]],
    ["llmlb help node p", ["pull", "ps"]],
    ["llmlb help node pull ", []],
    ["llmlb nonsense ", []],
    ["llmlb node list --", ["--json", "--help"]],
    ["llmlb node list --json --", ["--help"]],
    ["llmlb node serve --p", ["--port"]],
    ["llmlb node serve -p 80 --p", []],
    ["llmlb node serve --host ", []],
    ["llmlb router serve --policy l", ["least-busy"]],
    ["llmlb router serve --policy=", ["--policy=prefix", "--policy=least-busy", "--policy=round-robin"]],
    ["llmlb router serve --policy prefix ", []],
    ["llmlb node run --think=h", ["--think=high"]],
    ["llmlb node list a b ", []],
    ["llmlb completion z", ["zsh"]],
  ])("%p", async (line, expected) => expect<unknown>(await values(line)).toEqual(expected));

  test("commands and flags are explained", async () => {
    expect(await wanted("llmlb node ps")).toEqual({
      words: [{ value: "ps", description: "List the models that are loaded" }],
    });
    expect(await wanted("llmlb node list --js")).toEqual({ words: [{ value: "--json", description: "Print JSON" }] });
  });
});

describe("names", () => {
  test.each<[string, object]>([
    ["llmlb node run qw", { names: "models", before: "", typed: "qw" }],
    ["llmlb node ls ", { words: [] }],
    ["llmlb node rm a b ", { names: "models", before: "", typed: "" }],
    ["llmlb node stop ", { names: "loaded-models", before: "", typed: "" }],
    ["llmlb node cp a ", { words: [] }],
    ["llmlb node show --json -- -", { names: "models", before: "", typed: "-" }],
    ["llmlb node run m why ", { words: [] }],
    ["llmlb router drain --off ", { names: "nodes", before: "", typed: "" }],
    ["llmlb node serve --tls-key k", { names: "files", before: "", typed: "k" }],
    ["llmlb node serve --tls-key=k", { names: "files", before: "--tls-key=", typed: "k" }],
  ])("%p", async (line, expected) => expect<unknown>(await wanted(line)).toEqual(expected));
});
