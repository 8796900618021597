import { expect, test } from "bun:test";
import { findMediaMentions, type MentionOptions, withoutMentions } from "../../src/cli/media-mentions.ts";

const home = "/home/me";
const withFiles = (...files: string[]): MentionOptions => ({ home, isFile: (path) => files.includes(path) });

/** The prompt as the model reads it, and the files that come with it. */
const read = (text: string, ...files: string[]) => {
  const mentions = findMediaMentions(text, withFiles(...files));
  return {
    text: withoutMentions(text, mentions),
    files: mentions.filter(({ exists }) => exists).map(({ path }) => path),
    missing: mentions.filter(({ exists }) => !exists).map(({ path }) => path),
  };
};

const nfc = "ガ.png".normalize("NFC");
const nfd = "ガ.png".normalize("NFD");

test.each<[string, string, string, string]>([
  // what it is, the prompt, the file, what is left of the prompt
  ["absolute", "/a/cat.png what is this?", "/a/cat.png", "what is this?"],
  ["absolute, at the end", "what is /a/cat.png", "/a/cat.png", "what is"],
  ["absolute, in the middle", "is /a/cat.png a cat?", "/a/cat.png", "is a cat?"],
  ["before a question mark", "what is /a/cat.png?", "/a/cat.png", "what is ?"],
  ["before a comma", "/a/cat.png, what is it", "/a/cat.png", ", what is it"],
  ["in parentheses", "this (/a/cat.png) is what", "/a/cat.png", "this () is what"],
  ["after an equals sign", "image=/a/cat.png", "/a/cat.png", "image="],
  ["after a colon", "this:/a/cat.png", "/a/cat.png", "this:"],
  ["alone, dropped with a space after it", "/a/cat.png ", "/a/cat.png", ""],
  ["from here", "./cat.png what", "./cat.png", "what"],
  ["from above", "../up/cat.png what", "../up/cat.png", "what"],
  ["from home", "~/cat.png what", "/home/me/cat.png", "what"],
  ["from home, in quotes", '"~/my cat.png" what', "/home/me/my cat.png", "what"],
  ["in a folder", "photos/cat.png what", "photos/cat.png", "what"],
  ["in a folder, in Japanese", "写真/猫.png これは何？", "写真/猫.png", "これは何？"],
  ["in capital letters", "/a/CAT.PNG what", "/a/CAT.PNG", "what"],
  ["with two dots", "/a/cat.small.jpeg what", "/a/cat.small.jpeg", "what"],
  ["with two endings", "/a/cat.png.webp what", "/a/cat.png.webp", "what"],
  ["single quotes", "'/a/my cat.png' what", "/a/my cat.png", "what"],
  ["single quotes, dropped", "'/a/my cat.png' ", "/a/my cat.png", ""],
  ["single quotes with a quote in the name", "'/a/it'\\''s me.png' what", "/a/it's me.png", "what"],
  ["double quotes", 'what is "/a/my cat.png"?', "/a/my cat.png", "what is ?"],
  ["double quotes with an escaped quote", '"/a/my \\"cat\\".png" what', '/a/my "cat".png', "what"],
  ["a bare name in quotes", "what is 'my cat.png'?", "my cat.png", "what is ?"],
  ["escaped spaces", "/a/my\\ big\\ cat.png what", "/a/my big cat.png", "what"],
  ["escaped signs", "/a/cat\\ \\(1\\)\\ \\&\\ dog\\'s.png what", "/a/cat (1) & dog's.png", "what"],
  ["an escaped backslash", "/a/cat\\\\dog.png what", "/a/cat\\dog.png", "what"],
  ["plain spaces, where there is such a file", "./my big cat.png what", "./my big cat.png", "what"],
  ["plain spaces, as a terminal pastes them", "/a/my cat.png", "/a/my cat.png", ""],
  [
    "a screenshot of macOS",
    "/a/Shot\\ 2026-01-01\\ at\\ 9.41.00\u202fAM.png what",
    "/a/Shot 2026-01-01 at 9.41.00\u202fAM.png",
    "what",
  ],
  ["a file URL", "file:///a/cat.png what", "/a/cat.png", "what"],
  ["a file URL of this machine by name", "file://localhost/a/cat.png what", "/a/cat.png", "what"],
  ["a file URL with escapes", "file:///a/my%20cat%20%E7%8C%AB.png what", "/a/my cat 猫.png", "what"],
  ["a file URL in quotes", "'file:///a/my%20cat.png' what", "/a/my cat.png", "what"],
  ["a Windows drive", "C:\\Users\\me\\cat.png what", "C:\\Users\\me\\cat.png", "what"],
  ["a Windows drive with slashes", "what is c:/me/cat.png", "c:/me/cat.png", "what is"],
  ["a Windows drive in quotes", '"C:\\Users\\me\\my cat.png" what', "C:\\Users\\me\\my cat.png", "what"],
  ["a Windows drive with plain spaces", "C:\\Users\\me\\my cat.png what", "C:\\Users\\me\\my cat.png", "what"],
  ["a Windows path from here", ".\\cat.png what", ".\\cat.png", "what"],
  ["Japanese, words right behind it", "/a/猫の写真.pngを説明して", "/a/猫の写真.png", "を説明して"],
  ["Japanese, words right before it", "この画像/a/猫.pngを説明して", "/a/猫.png", "この画像を説明して"],
  ["Japanese, in corner brackets", "「/a/猫.png」は何？", "/a/猫.png", "「」は何？"],
  ["Japanese, a wide space", "これは　/a/猫.png　何？", "/a/猫.png", "これは　　何？"],
  ["decomposed, where the name is composed", `/a/${nfd} what`, `/a/${nfc}`, "what"],
  ["composed, where the name is decomposed", `/a/${nfc} what`, `/a/${nfd}`, "what"],
  ["decomposed in quotes", `'/a/${nfd}' what`, `/a/${nfc}`, "what"],
  ["decomposed in a URL", `file:///a/${encodeURIComponent(nfd)}`, `/a/${nfc}`, ""],
  ["on the second line", "what is this?\n/a/cat.png", "/a/cat.png", "what is this?"],
  ["a sound", "/a/talk.wav write it down", "/a/talk.wav", "write it down"],
  ["after a URL", "like https://x.org/a.png but ./cat.png", "./cat.png", "like https://x.org/a.png but"],
  ["after an apostrophe", "it's ./cat.png, isn't it", "./cat.png", "it's , isn't it"],
])("%s", (_, prompt, file, rest) => {
  expect(read(prompt, file)).toEqual({ text: rest, files: [file], missing: [] });
});

test.each<[string, string, string[], string]>([
  ["two", "compare /a/1.png and ./2.jpg please", ["/a/1.png", "./2.jpg"], "compare and please"],
  ["beside each other", "/a/1.png /a/2.png", ["/a/1.png", "/a/2.png"], ""],
  ["with a comma between", "/a/1.png,/a/2.png what", ["/a/1.png", "/a/2.png"], ", what"],
  ["with a word between, in Japanese", "/a/1.pngと/a/2.pngを比べて", ["/a/1.png", "/a/2.png"], "とを比べて"],
  ["dropped together", "'/a/my 1.png' '/a/my 2.png' ", ["/a/my 1.png", "/a/my 2.png"], ""],
  ["escaped, dropped together", "/a/my\\ 1.png /a/my\\ 2.png what", ["/a/my 1.png", "/a/my 2.png"], "what"],
  ["quoted inside quotes of the prompt", 'he said "see ./1.png now"', ["./1.png"], 'he said "see now"'],
  ["twice the same", "/a/1.png /a/1.png", ["/a/1.png", "/a/1.png"], ""],
  ["three on three lines", "/a/1.png\n/a/2.png\n/a/3.gif\nwhat?", ["/a/1.png", "/a/2.png", "/a/3.gif"], "what?"],
])("several: %s", (_, prompt, files, rest) => {
  const seen = read(prompt, ...files);
  expect({ ...seen, text: seen.text.replace(/\n+/g, "") }).toEqual({ text: rest, files, missing: [] });
});

test.each<[string, string, string]>([
  ["absolute", "/a/none.png what", "/a/none.png"],
  ["from here", "what is ./none.png?", "./none.png"],
  ["from home", "~/none.png", "/home/me/none.png"],
  ["escaped", "/a/no\\ ne.png what", "/a/no ne.png"],
  ["quoted", "'/a/no ne.png' what", "/a/no ne.png"],
  ["a URL", "file:///a/no%20ne.png what", "/a/no ne.png"],
  ["a Windows drive", "C:\\none.png what", "C:\\none.png"],
  ["a URL with an escape that is none", "file:///a/%zz.png what", "/a/%zz.png"],
  ["of a kind that is not read", "./drawing.svg what", "./drawing.svg"],
  ["with plain spaces, first of all", "/a/no ne.png what", "/a/no ne.png"],
])("missing: %s", (_, prompt, path) => expect(read(prompt).missing).toEqual([path]));

test.each([
  "what is this?",
  "what is cat.png?",
  'the file "cat.png" is a picture',
  "see https://example.com/cat.png",
  "see http://127.0.0.1:8080/a/cat.png please",
  "see example.com/cat.png",
  "photos/none.png",
  "and/or x.png",
  "look in /tmp for my cat.png",
  "1/2 of x.png",
  "/a/readme.txt what",
  "./notes.pngx",
  "./png",
  "this is it's 'quoted' text",
  "この画像/無い.pngを説明して",
  "file://other-machine/cat.png",
  "\\\\server\\share\\cat.png what",
  "'\\\\server\\share\\cat.png'",
  "'//server/share/cat.png'",
  "//server/share/cat.png",
  "",
])("text stays text: %s", (prompt) => expect(read(prompt)).toEqual({ text: prompt, files: [], missing: [] }));

test.each([
  "/a b'\"\\~.:".repeat(20_000),
  "/".repeat(100_000),
  "'".repeat(100_000),
  "a/".repeat(50_000),
  "./x.png ".repeat(5_000),
  "./x".repeat(5_000) + ".png ".repeat(5_000),
])("a long text costs few looks at the disk, whatever it is made of", (text) => {
  let looks = 0;
  findMediaMentions(text, { home, isFile: () => ++looks < 0 });
  expect(looks).toBeLessThan(20 * text.length);
});
