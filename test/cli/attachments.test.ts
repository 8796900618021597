import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OllamaChatRequest } from "../../src/api/ollama.ts";
import { type CliWorld, openCliWorld } from "../fakes/cli-process.ts";
import { chatRecords, type FakeNode, loadedRecord, ndjson, shownModel, startFakeNode } from "../fakes/fake-node.ts";

const png = Buffer.from("\x89PNG\r\n\x1a\nred", "latin1");
const jpeg = Buffer.from("\xff\xd8\xff\xe0green", "latin1");
const wav = Buffer.from("RIFF\0\0\0\0WAVEfmt ", "latin1");
const base64 = (file: Buffer) => file.toString("base64");

let node: FakeNode;
let world: CliWorld;

beforeEach(() => {
  node = startFakeNode({
    "POST /api/show": () => Response.json(shownModel({ capabilities: ["completion", "vision"] })),
    "POST /api/generate": () => ndjson([loadedRecord]),
    "POST /api/chat": () => ndjson(chatRecords(["A picture."])),
  });
  world = openCliWorld(node.host);
  mkdirSync(join(world.home, "写真"));
  writeFileSync(join(world.home, "red.png"), png);
  writeFileSync(join(world.home, "写真", "緑 1.jpg"), jpeg);
  writeFileSync(join(world.home, "talk.wav"), wav);
  writeFileSync(join(world.home, "text.png"), "not a picture");
});

afterEach(async () => {
  world[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

const run = (prompt: string[], stdin?: string) =>
  world.run(["node", "run", "m", ...prompt], stdin === undefined ? {} : { stdin });
const messagesOf = (index: number) => (node.bodies("/api/chat")[index] as OllamaChatRequest | undefined)?.messages;

test("run shows the files that a prompt names, and tells of them on stderr", async () => {
  expect(await run(["./red.png what", "about", "'写真/緑 1.jpg'?"])).toEqual({
    stdout: "A picture.\n",
    stderr: "Added image './red.png'\nAdded image '写真/緑 1.jpg'\n",
    exitCode: 0,
  });
  expect(messagesOf(0)).toEqual([{ role: "user", content: "what about ?", images: [base64(png), base64(jpeg)] }]);
});

test("run shows a picture from the home folder, a sound, and a picture without a word", async () => {
  expect((await run(["~/red.png"])).stderr).toBe(`Added image '${join(world.home, "red.png")}'\n`);
  expect(messagesOf(0)).toEqual([{ role: "user", content: "", images: [base64(png)] }]);
  expect((await run(["./talk.wav", "write"])).stderr).toBe("Added audio './talk.wav'\n");
  expect(messagesOf(1)).toEqual([{ role: "user", content: "write", images: [base64(wav)] }]);
});

test("a text from a pipe names no files", async () => {
  expect((await run(["describe ./red.png"], "see ./none.png and ./red.png")).stderr).toBe("Added image './red.png'\n");
  expect(messagesOf(0)).toEqual([
    { role: "user", content: "see ./none.png and ./red.png describe", images: [base64(png)] },
  ]);
});

test("for a model that does not see, a path is a text", async () => {
  node.on("POST /api/show", () => Response.json(shownModel()));
  expect(await run(["./red.png what?"])).toMatchObject({ stderr: "", exitCode: 0 });
  expect(messagesOf(0)).toEqual([{ role: "user", content: "./red.png what?" }]);
});

test.each([
  ["./none.png what", "cannot add './none.png': there is no such file"],
  [
    "./text.png what",
    "cannot add './text.png': it is no picture (PNG, JPEG, GIF, BMP and WebP) and no sound (WAV, MP3 and FLAC)",
  ],
])("run %s is an error, and nothing is asked", async (prompt, message) => {
  expect(await run([prompt])).toEqual({ stdout: "", stderr: `Error: ${message}\n`, exitCode: 1 });
  expect(node.bodies("/api/chat")).toEqual([]);
});

test("a file that is too large is not even read", async () => {
  truncateSync(join(world.home, "red.png"), 40e6);
  const message = "cannot add './red.png': it has 40 MB, and at most 33 MB are taken";
  expect(await run(["./red.png"])).toMatchObject({ stderr: `Error: ${message}\n`, exitCode: 1 });
});

const openChat = async () => {
  const chat = world.terminal(["node", "run", "m"]);
  await chat.until(">>> ");
  return chat;
};

test("in the chat: a path at the beginning is no command, and what was shown is shown again with the next question", async () => {
  const chat = await openChat();
  const red = join(world.home, "red.png");
  chat.write(`\x1b[200~${red} \x1b[201~what is it?\r`);
  await chat.until(`Added image '${red}'`);
  await chat.until("A picture.");
  await chat.until(">>> ");
  chat.write("and now?\r");
  await chat.until("A picture.");
  await chat.until(">>> ");
  chat.write("/unknown\r");
  await chat.until("Unknown command '/unknown'");
  chat.write("/bye\r");
  expect(await chat.exited).toBe(0);
  expect(messagesOf(1)).toEqual([
    { role: "user", content: "what is it?", images: [base64(png)] },
    { role: "assistant", content: "A picture." },
    { role: "user", content: "and now?" },
  ]);
});

test("in the chat: a missing file is an error, and the prompt stands on the next line to be mended", async () => {
  const chat = await openChat();
  chat.write("what is ./ned.png?\r");
  await chat.until("Error: cannot add './ned.png': there is no such file");
  await chat.until(">>> what is ./ned.png?");
  chat.write("\x1b[D".repeat(7)); // to behind "./n"
  chat.write("\x7fr\r");
  await chat.until("Added image './red.png'");
  await chat.until("A picture.");
  await chat.until(">>> ");
  chat.write("/bye\r");
  expect(await chat.exited).toBe(0);
  expect(node.bodies("/api/chat")).toHaveLength(1);
  expect(messagesOf(0)).toEqual([{ role: "user", content: "what is ?", images: [base64(png)] }]);
});
