import { describe, expect, test } from "bun:test";
import { createKeyDecoder, type Key } from "../../../src/cli/ui/key-decoder.ts";
import { createLineEditor } from "../../../src/cli/ui/line-editor.ts";
import { createLineScreen, layOut } from "../../../src/cli/ui/line-screen.ts";
import { screenOf } from "../../fakes/screen.ts";

const keysOf = (typed: string): Key[] => {
  const decoder = createKeyDecoder();
  return [...decoder.push(typed), ...decoder.flush()];
};

describe("createKeyDecoder", () => {
  test("a sequence that comes in pieces is one key", () => {
    for (const whole of ["\x1b[A", "\x1bOH", "\x1b[1;5D", "\x1b[3~"]) {
      const decoder = createKeyDecoder();
      const keys = [...whole].flatMap((piece) => decoder.push(piece));
      expect(keys).toEqual(keysOf(whole));
      expect(keys).toHaveLength(1);
      expect(decoder.isWaiting).toBe(false);
    }
  });

  test("a lone ESC is a key once nothing follows it", () => {
    const decoder = createKeyDecoder();
    expect(decoder.push("a\x1b")).toEqual([{ kind: "text", text: "a" }]);
    expect(decoder.isWaiting).toBe(true);
    expect(decoder.flush()).toEqual([{ kind: "key", name: "escape" }]);
    expect(decoder.flush()).toEqual([]);
  });

  test("a paste is one text however it is cut, with what looks like keys in it", () => {
    const pasted = "one\r\ntwo\x03\x1b[A three";
    const sent = `\x1b[200~${pasted}\x1b[201~x`;
    for (let cut = 1; cut < sent.length; cut++) {
      const decoder = createKeyDecoder();
      const keys = [...decoder.push(sent.slice(0, cut)), ...decoder.push(sent.slice(cut))];
      expect(keys).toEqual([
        { kind: "paste", text: pasted },
        { kind: "text", text: "x" },
      ]);
    }
  });

  test("an unknown sequence does nothing", () => {
    expect(keysOf("\x1b[99~\x1b[1;2Pa\x00")).toEqual([{ kind: "text", text: "a" }]);
  });
});

const history = ["git status", "what is a goroutine?", "git log"];

/** What stands on the line after `typed`, with `|` for the cursor; `·` = a pause between two pieces. */
const after = (typed: string): string => {
  const editor = createLineEditor({ prompt: "> ", placeholder: "", history });
  for (const key of typed.split("·").flatMap(keysOf)) editor.press(key);
  const { text, cursor } = editor.view();
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
};

const [left, right, up, down] = ["\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"];

describe("createLineEditor", () => {
  test.each<[string, string, string]>([
    ["characters go in at the cursor", `ac${left}b`, "ab|c"],
    ["an emoji of many code points is one character", `a👩‍🚀b${left}${left}`, "a|👩‍🚀b"],
    ["and is erased at once", "a👩‍🚀\x7f", "a|"],
    ["so is a flag, and an accent with its letter", "🇯🇵é\x7f\x7f", "|"],
    ["Ctrl+A, Ctrl+E, Ctrl+B, Ctrl+F", "abc\x01\x06x\x05\x02y", "axby|c"],
    ["Ctrl+K cuts, Ctrl+Y gives it back", "one two\x1bb\x0b\x01\x19", "two|one "],
    ["Ctrl+U cuts to the beginning", `one two${left}\x15`, "|o"],
    ["Ctrl+W cuts a word as a shell does", "run ./a-b.sh  \x17", "run |"],
    ["Alt+B, Alt+F, Alt+D know words", "one two-three\x1bb\x1bb\x1bd\x1bf", "one -three|"],
    ["words of Japanese letters", "猫 犬\x1bb", "猫 |犬"],
    ["Ctrl+D and Delete erase forward", `abc\x01\x04\x1b[3~`, "|c"],
    ["Ctrl+J is a new line", "one\ntwo", "one\ntwo|"],
    ["Up moves within the text first", `one\ntwo${up}${left}`, "on|e\ntwo"],
    ["and then into the history", `one\ntwo${up}${up}`, "git log|"],
    ["the draft is there again below it", `draft${up}${up}${down}${down}`, "draft|"],
    ["Up stops at the oldest", up.repeat(9), "git status|"],
    ["Ctrl+R finds as it is typed", "\x12gor", "what is a |goroutine?"],
    ["Ctrl+R again goes on to an older one", "\x12git\x12", "|git status"],
    ["what is found can be edited", `\x12gor\x05!${right}`, "what is a goroutine?!|"],
    ["ESC gives the line back", "mine\x12git\x1b", "mine|"],
    ["a query that nothing has keeps the last find", "\x12log·x", "git |log"],
    ["a paste keeps its lines and loses its control characters", "\x1b[200~a\r\nb\x07\x1bc\x1b[201~", "a\nbc|"],
  ])("%s", (_, typed, expected) => {
    expect(after(typed)).toBe(expected);
  });

  test("only Ctrl+D on an empty line is the end", () => {
    const editor = createLineEditor({ prompt: "> ", placeholder: "", history });
    const results = keysOf("a\x04\x01\x04\x04").map((key) => editor.press(key).kind);
    expect(results).toEqual(["edited", "edited", "edited", "edited", "end"]);
  });

  test("a failed search says so", () => {
    const editor = createLineEditor({ prompt: "> ", placeholder: "", history });
    for (const key of keysOf("\x12zzz")) editor.press(key);
    expect(editor.view().prompt).toBe("(failed reverse-i-search)'zzz': ");
  });
});

describe("layOut", () => {
  test("a wide character that does not fit goes to the next row", () => {
    const layout = layOut({ prompt: "> ", text: "abc日本", cursor: 5, placeholder: "" }, 6);
    expect(layout.rows).toEqual(["> abc", "日本"]);
    expect(layout.cursor).toEqual({ row: 1, column: 4 });
  });

  test("the cursor after a full row is on the next", () => {
    expect(layOut({ prompt: "> ", text: "abcd", cursor: 4, placeholder: "" }, 6).cursor).toEqual({ row: 1, column: 0 });
  });
});

/** What a window of `columns` shows after each of `pieces` was typed and drawn. */
const drawn = (pieces: readonly string[], columns: number): string[] => {
  const editor = createLineEditor({ prompt: ">>> ", placeholder: "", history });
  let output = "";
  const screen = createLineScreen({ write: (text) => (output += text), columns: () => columns, colors: false });
  screen.draw(editor.view());
  for (const piece of pieces) {
    for (const key of keysOf(piece)) editor.press(key);
    screen.draw(editor.view());
  }
  screen.leave();
  return screenOf(`${output.replaceAll(/(?<!\r)\n/g, "\r\n")}END`);
};

describe("createLineScreen", () => {
  test.each<[string, string[], number, string[]]>([
    ["a line that is typed", [..."hello"], 40, [">>> hello", "END"]],
    [
      "a line over three rows, edited in its first",
      ["abcdefghijklmnop", "\x01", "X"],
      10,
      [">>> Xabcde", "fghijklmno", "p", "END"],
    ],
    ["three rows that become one", ["abcdefghijklmnop", "\x15", "z"], 10, [">>> z", "END"]],
    ["several lines", ["one", "\n", "two", up, "!"], 40, [">>> one!", "... two", "END"]],
    ["a longer history entry and back", ["x", up, up, down, down], 12, [">>> x", "END"]],
    ["wide characters at the edge", [..."日本語です"], 9, [">>> 日本", "語です", "END"]],
    ["an accent that joins what stands there", ["e", "\u0301", "x"], 40, [">>> e\u0301x", "END"]],
  ])("%s", (_, pieces, columns, expected) => {
    expect(drawn(pieces, columns)).toEqual(expected);
  });
});
