import { expect, test } from "bun:test";
import { createKeyDecoder, type Key } from "../../src/cli/ui/key-decoder.ts";
import { createLineEditor } from "../../src/cli/ui/line-editor.ts";
import { createLineScreen } from "../../src/cli/ui/line-screen.ts";
import { createReplInput } from "../../src/cli/ui/repl-input.ts";
import { createSanitizer } from "../../src/cli/ui/sanitize.ts";
import { fc, fuzzTimeoutMs, holds, nastyText } from "./fuzz.ts";

const typed = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          ...["\x1b", "[", "O", "200~", "201~", "\x1b[200~", "\x1b[201~", "A", "1;5C", "3~", "\r", "\n", "\t"],
        ),
      },
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 0x9f }).map((code) => String.fromCharCode(code)) },
      {
        weight: 2,
        arbitrary: fc.constantFrom("日本", "👩‍👩‍👧", "e\u0301", "\ud83d", "\x12", "\x9b", "\x1b]0;title\x07"),
      },
      { weight: 1, arbitrary: nastyText },
    ),
    { maxLength: 30 },
  )
  .map((pieces) => pieces.join(""));

const cuts = fc.array(fc.nat(), { maxLength: 6 });

const piecesOf = (text: string, places: readonly number[]): string[] => {
  const ends = [...new Set(places.map((place) => place % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...ends].map((start, index) => text.slice(start, ends[index] ?? text.length));
};

/** Characters that come apart are two keys, and mean the same. */
const joined = (keys: readonly Key[]): Key[] => {
  const all: Key[] = [];
  for (const key of keys) {
    const last = all.at(-1);
    if (key.kind === "text" && last?.kind === "text")
      all[all.length - 1] = { kind: "text", text: last.text + key.text };
    else all.push(key);
  }
  return all;
};

test(
  "keys are the same however they come in, and every character leads somewhere",
  () =>
    holds(
      fc.tuple(typed, cuts),
      ([text, places]) => {
        const decode = (pieces: readonly string[]) => {
          const decoder = createKeyDecoder();
          const keys = pieces.flatMap((piece) => decoder.push(piece));
          while (decoder.isWaiting) keys.push(...decoder.flush());
          return joined(keys);
        };
        expect(decode(piecesOf(text, places))).toEqual(decode([text]));
      },
      { runs: 300 },
    ),
  fuzzTimeoutMs,
);

test(
  "an editor's cursor stays in its text, and what is drawn steers no terminal",
  () =>
    holds(
      fc.tuple(typed, fc.array(nastyText, { maxLength: 3 }), fc.integer({ min: 1, max: 30 })),
      ([text, history, columns]) => {
        const decoder = createKeyDecoder();
        const editor = createLineEditor({ prompt: ">>> ", placeholder: "x", history });
        const screen = createLineScreen({ write: () => undefined, columns: () => columns, colors: false });
        for (const key of [...decoder.push(text), ...decoder.flush()]) {
          editor.press(key);
          const view = editor.view();
          expect(view.cursor).toBeGreaterThanOrEqual(0);
          expect(view.cursor).toBeLessThanOrEqual(view.text.length);
          screen.draw(view);
        }
        screen.leave();
      },
      { runs: 200 },
    ),
  fuzzTimeoutMs,
);

test(
  "what a model says steers no terminal, however it comes in",
  () =>
    holds(
      fc.tuple(typed, cuts),
      ([text, places]) => {
        const clean = (pieces: readonly string[]) => {
          const sanitize = createSanitizer();
          return pieces.map(sanitize).join("");
        };
        const whole = clean([text]);
        expect(whole).not.toMatch(/[^\P{Cc}\n\t]/u);
        expect(clean(piecesOf(text, places)).replace(/[\ud800-\udfff]/g, "")).toBe(
          whole.replace(/[\ud800-\udfff]/g, ""),
        );
      },
      { runs: 300 },
    ),
  fuzzTimeoutMs,
);

test(
  "every line of a chat is something",
  () =>
    holds(
      fc.array(
        fc.oneof(
          nastyText,
          fc.constantFrom('"""', '"""a', 'b"""', "/show", "/show constructor", "/__proto__", "/bye", "/?"),
        ),
        { maxLength: 6 },
      ),
      (lines) => {
        const input = createReplInput();
        for (const line of lines) {
          const { kind } = input.take(line);
          expect(["message", "more", "nothing", "clear", "help", "show", "exit", "unknown"]).toContain(kind);
        }
      },
    ),
  fuzzTimeoutMs,
);
