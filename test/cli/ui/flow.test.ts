import { describe, expect, test } from "bun:test";
import { createAnswerView } from "../../../src/cli/ui/answer-view.ts";
import { createSanitizer } from "../../../src/cli/ui/sanitize.ts";
import { createWordWrap } from "../../../src/cli/ui/word-wrap.ts";
import { memoryOutput } from "../../fakes/memory-output.ts";
import { screenOf } from "../../fakes/screen.ts";

/** All ways that matter to tear a text: whole, by characters, in odd lumps. */
const tear = (text: string, size: number): string[] => {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += size) pieces.push(characters.slice(at, at + size).join(""));
  return pieces;
};

describe("createSanitizer", () => {
  test.each<[string, string, string]>([
    ["colours", "a\x1b[31mb\x1b[0mc", "abc"],
    ["a title", "a\x1b]0;title\x07b", "ab"],
    ["a hyperlink", "a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"],
    ["DCS, APC, PM, SOS", "a\x1bPq\x1b\\b\x1b_x\x1b\\c\x1b^y\x1b\\d\x1bXz\x1b\\e", "abcde"],
    ["C1 forms", "a\x9b2Jb\x9d0;t\x9cc\x90q\x9cd", "abcd"],
    ["two-character and charset escapes", "a\x1bcb\x1b(0c", "abc"],
    ["other controls", "a\rb\x08c\x00d\x7fe", "abcde"],
    ["nothing else", "tab\tline\n日本 🦙", "tab\tline\n日本 🦙"],
    ["an escape inside a title", "a\x1b]0;x\x1by\x07b", "ab"],
  ])("takes out %s", (_what, text, clean) => {
    for (const size of [1, 2, 3, 1000]) {
      const sanitize = createSanitizer();
      expect(tear(text, size).map(sanitize).join("")).toBe(clean);
    }
  });

  test("an unfinished sequence does not swallow the rest", () => {
    const sanitize = createSanitizer();
    expect(sanitize(`\x1b]0;${"x".repeat(10_000)}end`)).toEndWith("end");
  });
});

describe("createWordWrap", () => {
  const shown = (text: string, columns: number, size: number) => {
    const wrap = createWordWrap(() => columns);
    return screenOf(tear(text, size).map(wrap).join(""));
  };

  test.each([1, 3, 1000])("breaks between words, torn into pieces of %i", (size) => {
    expect(shown("The quick brown fox jumps over the lazy dog.\n\nEnd", 25, size)).toEqual([
      "The quick brown fox",
      "jumps over the lazy",
      "dog.",
      "",
      "End",
    ]);
  });

  test.each([1, 3, 1000])("never passes the margin and loses no letter, torn into pieces of %i", (size) => {
    const text =
      "Words of, several-sizes supercalifragilisticexpialidocious 日本語の文章はどこでも改行できます and 混ざった text 🦙 end. ".repeat(
        4,
      );
    for (const columns of [10, 17, 24, 40, 80]) {
      const lines = shown(text, columns, size);
      for (const line of lines) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns - 5);
      expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
    }
  });

  test("wide characters break where the line is full", () => {
    expect(shown("日本語の文章は", 11, 1)).toEqual(["日本語", "の文章", "は"]);
  });

  test("a window too narrow to wrap is left alone, a resized one is followed", () => {
    expect(createWordWrap(() => 9)("one two three four")).toBe("one two three four");
    let columns = 80;
    const wrap = createWordWrap(() => columns);
    const before = wrap("one two ");
    columns = 15;
    expect(screenOf(before + wrap("three four"))).toEqual(["one two", "three four"]);
  });
});

describe("createAnswerView", () => {
  const options = { colors: true, wordWrap: true, hideThinking: false };

  test("a pipe gets the answer's bytes and one line end", async () => {
    const stdout = memoryOutput();
    const view = createAnswerView({ ...options, stdout });
    await view.thinking("hidden");
    await view.content("\x1b[31mraw ");
    await view.content("text");
    await view.content("");
    await view.end();
    expect(stdout.text).toBe("\x1b[31mraw text\n");
  });

  test("a pipe gets no second line end, and none for an empty answer", async () => {
    const stdout = memoryOutput();
    const view = createAnswerView({ ...options, stdout });
    await view.end();
    expect(stdout.text).toBe("");
    await view.content("done\n");
    await view.end();
    expect(stdout.text).toBe("done\n");
  });

  test("a terminal gets the thinking between its marks, in grey unless colours are off", async () => {
    const show = async (colors: boolean) => {
      const stdout = memoryOutput({ isTty: true });
      const view = createAnswerView({ ...options, colors, stdout });
      await view.thinking("Let me ");
      await view.thinking("see.");
      await view.content("\n\n");
      await view.content("Blue.");
      await view.end();
      return stdout.text;
    };
    const plain = "Thinking...\nLet me see.\n...done thinking.\n\nBlue.\n\n";
    expect(await show(false)).toBe(plain);
    expect(await show(true)).toContain("\x1b[38;5;245mLet me see.\x1b[0m");
    expect(Bun.stripANSI(await show(true))).toBe(plain);
  });

  test("an answer that breaks off in its thinking is closed", async () => {
    const stdout = memoryOutput({ isTty: true });
    const view = createAnswerView({ ...options, stdout });
    await view.thinking("Let me");
    await view.end();
    expect(stdout.text).toEndWith("...done thinking.\x1b[0m\n\n");
  });
});
