import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { OllamaChatRequest } from "../../src/api/ollama.ts";
import { type CliWorld, openCliWorld } from "../fakes/cli-process.ts";
import { chatRecords, type FakeNode, loadedRecord, ndjson, shownModel, startFakeNode } from "../fakes/fake-node.ts";

const ctrlC = "\x03";
const ctrlD = "\x04";
const model = "org/model";

let node: FakeNode;
let world: CliWorld;

beforeEach(() => {
  node = startFakeNode({
    "POST /api/show": () => Response.json(shownModel()),
    "POST /api/generate": () => ndjson([loadedRecord]),
    "POST /api/chat": () => ndjson(chatRecords(["Hello ", "there."])),
  });
  world = openCliWorld(node.host);
});

afterEach(async () => {
  world[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

const messagesOf = (index: number) => (node.bodies("/api/chat")[index] as OllamaChatRequest).messages;

const openChat = async (...flags: string[]) => {
  const chat = world.terminal(["node", "run", model, ...flags]);
  await chat.until(">>> ");
  return chat;
};

test("a question is answered, the talk is remembered, /bye leaves", async () => {
  const chat = await openChat("--keepalive", "10m");
  chat.write("Hi\r");
  await chat.until("Hello there.");
  await chat.until(">>> ");
  chat.write("More\r");
  await chat.until("Hello there.");
  await chat.until(">>> ");
  chat.write("/bye\r");
  expect(await chat.exited).toBe(0);
  expect(node.bodies("/api/generate")).toEqual([{ stream: true, model, keep_alive: "10m" }]);
  expect(messagesOf(1)).toEqual([
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello there." },
    { role: "user", content: "More" },
  ]);
});

test("in a terminal: a paste of lines is one message, wide characters are erased whole, Ctrl+R finds", async () => {
  const chat = await openChat();
  const send = async (keys: string) => {
    chat.write(keys);
    await chat.until("Hello there.");
    await chat.until(">>> ");
  };
  await send("\x1b[200~first\nsecond\x1b[201~\r");
  await send("日本語\x7f👩‍🚀\x7f!\r");
  await send("\x12sec\r");
  chat.write(ctrlD);
  expect(await chat.exited).toBe(0);
  expect([0, 1, 2].map((index) => messagesOf(index).at(-1)?.content)).toEqual([
    "first\nsecond",
    "日本!",
    "first\nsecond",
  ]);
});

test("/show tells what the model is, a part of it, or that there is none", async () => {
  const chat = await openChat();
  chat.write("/show\r");
  await chat.until("3.2B");
  await chat.until(">>> ");
  chat.write("/show template\r");
  await chat.until("{{ .Prompt }}");
  await chat.until(">>> ");
  chat.write("/show system\r");
  await chat.until("No system was specified for this model.");
  await chat.until(">>> ");
  node.on("POST /api/show", () => Response.json({ error: "model 'x' not found" }, { status: 404 }));
  chat.write("/show info\r");
  await chat.until("not found");
  await chat.until(">>> ");
  chat.write("/bye\r");
  expect(await chat.exited).toBe(0);
});

test("Ctrl+C stops the answer and not the program; what came stays part of the talk", async () => {
  const left = Promise.withResolvers<void>();
  node.on("POST /api/chat", ({ signal }) => {
    signal.addEventListener("abort", () => left.resolve());
    return ndjson([chatRecords(["An endless "])[0], new Promise(() => undefined)]);
  });
  const chat = await openChat();
  chat.write("Talk\r");
  await chat.until("An endless");
  chat.write(ctrlC);
  await left.promise; // the server was told
  await chat.until(">>> ");
  node.on("POST /api/chat", () => ndjson(chatRecords(["Fine."])));
  chat.write("Again\r");
  await chat.until("Fine.");
  expect(messagesOf(1)).toEqual([
    { role: "user", content: "Talk" },
    { role: "assistant", content: "An endless " },
    { role: "user", content: "Again" },
  ]);
  await chat.until(">>> ");
  chat.write(ctrlD);
  expect(await chat.exited).toBe(0);
});

test("Ctrl+C on an empty line says how to leave, on a written one drops it; Ctrl+D leaves", async () => {
  const chat = await openChat();
  chat.write(ctrlC);
  await chat.until("Use Ctrl + d or /bye to exit.");
  await chat.until(">>> ");
  chat.write("never sent");
  await chat.until("never sent");
  chat.write(ctrlC);
  await chat.until(">>> ");
  expect(chat.output().split("Use Ctrl + d").length).toBe(2);
  chat.write("sent\r");
  await chat.until("Hello there.");
  expect(messagesOf(0)).toEqual([{ role: "user", content: "sent" }]);
  await chat.until(">>> ");
  chat.write(ctrlD);
  expect(await chat.exited).toBe(0);
});

test("a block between triple quotes is one message; Ctrl+C drops an unfinished one", async () => {
  const chat = await openChat();
  chat.write('"""dropped\r');
  await chat.until("... ");
  chat.write(ctrlC);
  await chat.until(">>> ");
  chat.write('"""first line\r');
  await chat.until("... ");
  chat.write("  second line\r");
  await chat.until("... ");
  chat.write('third"""\r');
  await chat.until("Hello there.");
  expect(messagesOf(0)).toEqual([{ role: "user", content: "first line\n  second line\nthird" }]);
});

test("/clear forgets the talk, /? explains, an unknown word is named", async () => {
  const chat = await openChat();
  chat.write("Hi\r");
  await chat.until("Hello there.");
  await chat.until(">>> ");
  chat.write("/clear\r");
  await chat.until("Cleared session context");
  chat.write("/?\r");
  await chat.until("/? shortcuts");
  chat.write("/? shortcuts\r");
  await chat.until("Stop the model from responding");
  chat.write("/sing loudly\r");
  await chat.until("Unknown command '/sing'. Type /? for help");
  await chat.until(">>> ");
  chat.write("New\r");
  await chat.until("Hello there.");
  expect(messagesOf(1)).toEqual([{ role: "user", content: "New" }]);
});

test("a failed answer is shown and the chat goes on; its question is not sent again", async () => {
  node.on("POST /api/chat", () => Response.json({ error: "out of memory" }, { status: 500 }));
  const chat = await openChat();
  chat.write("Hi\r");
  await chat.until("Error: out of memory");
  await chat.until(">>> ");
  node.on("POST /api/chat", () => ndjson(chatRecords(["Back again."])));
  chat.write("Once more\r");
  await chat.until("Back again.");
  expect(messagesOf(1)).toEqual([{ role: "user", content: "Once more" }]);
});

test("a node that goes away in the middle of an answer does not end the chat", async () => {
  node.on("POST /api/chat", () => ndjson([chatRecords(["Half an "])[0]]));
  const chat = await openChat();
  chat.write("Hi\r");
  await chat.until("Half an");
  await chat.until(`Error: connection to ${node.host} was lost in the middle of the answer`);
  await chat.until(">>> ");
  chat.write("/bye\r");
  expect(await chat.exited).toBe(0);
});

test("thinking stands between its marks; --hidethinking leaves it out", async () => {
  node.on("POST /api/chat", () => ndjson(chatRecords(["\n\nBlue."], ["Let me ", "see."])));
  const chat = await openChat("--think=high");
  chat.write("Why\r");
  await chat.until("Thinking...");
  await chat.until("Let me see.");
  await chat.until("...done thinking.");
  await chat.until("Blue.");
  expect(node.bodies("/api/chat")[0]).toMatchObject({ think: "high" });
  const quiet = await openChat("--hidethinking");
  quiet.write("Why\r");
  await quiet.until("Blue.");
  expect(quiet.output()).not.toContain("Let me see.");
  expect(quiet.output()).not.toContain("Thinking...");
});

test("escape sequences of a model never reach the terminal", async () => {
  node.on("POST /api/chat", () => ndjson(chatRecords(["safe\x1b]0;own", "ed\x07 \x1b[2Jtext\x9b31m."])));
  const chat = await openChat();
  chat.write("Hi\r");
  await chat.until("safe text.");
  expect(chat.output()).not.toContain("owned");
  expect(chat.output()).not.toContain("\x1b[2J");
});

test("the history file holds each line once, for its owner alone, and the up key finds it", async () => {
  const chat = await openChat();
  for (const line of ["one", "two", "one"]) {
    chat.write(`${line}\r`);
    await chat.until("Hello there.");
    await chat.until(">>> ");
  }
  chat.write("/bye\r");
  await chat.exited;
  const file = join(world.home, ".llmlb", "history");
  expect(readFileSync(file, "utf8")).toBe("two\none\n/bye\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const next = await openChat();
  next.write("\x1b[A\x1b[A\r");
  await next.until("Hello there.");
  expect(messagesOf(3)).toEqual([{ role: "user", content: "one" }]);
});

test("lines that are typed while an answer runs are taken one after another", async () => {
  const gate = Promise.withResolvers<undefined>();
  const [first, ...rest] = chatRecords(["Slow.", " Done."]);
  node.on("POST /api/chat", () => ndjson([first, gate.promise.then(() => "\n"), ...rest]));
  const chat = await openChat();
  chat.write("Hi\r");
  await chat.until("Slow.");
  chat.write("Second\rThird\r");
  gate.resolve(undefined);
  await chat.until(" Done.");
  await chat.until("Second");
  await chat.until(" Done.");
  await chat.until("Third");
  await chat.until(" Done.");
  expect(
    messagesOf(2)
      .filter(({ role }) => role === "user")
      .map(({ content }) => content),
  ).toEqual(["Hi", "Second", "Third"]);
});

test("SIGTERM leaves with 1 and gives the terminal back", async () => {
  const chat = await openChat();
  chat.kill("SIGTERM");
  expect(await chat.exited).toBe(1);
});
