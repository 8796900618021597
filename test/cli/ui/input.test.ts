import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { addHistory, historyMaxLines, loadHistory } from "../../../src/cli/ui/history.ts";
import { openLineReader } from "../../../src/cli/ui/line-reader.ts";
import { createReplInput } from "../../../src/cli/ui/repl-input.ts";

describe("createReplInput", () => {
  test.each<[string, ReturnType<ReturnType<typeof createReplInput>["take"]>]>([
    ["hello", { kind: "message", text: "hello" }],
    ["  indented", { kind: "message", text: "  indented" }],
    ["", { kind: "nothing" }],
    ["   ", { kind: "nothing" }],
    ["/bye", { kind: "exit" }],
    [" /exit ", { kind: "exit" }],
    ["/clear", { kind: "clear" }],
    ["/?", { kind: "help", topic: "" }],
    ["/help shortcuts", { kind: "help", topic: "shortcuts" }],
    ["/toString", { kind: "unknown", word: "/toString" }],
    ["/show", { kind: "show", part: "info" }],
    ["/show template", { kind: "show", part: "template" }],
    ["/show nothing", { kind: "help", topic: "show" }],
    ["/? /show", { kind: "help", topic: "show" }],
    ["/set verbose", { kind: "unknown", word: "/set" }],
    ['"""one line"""', { kind: "message", text: "one line" }],
    ['""""""', { kind: "nothing" }],
    ['say """this"""', { kind: "message", text: 'say """this"""' }],
  ])("%p", (line, request) => {
    expect(createReplInput().take(line)).toEqual(request);
  });

  test("a block keeps its lines, commands inside it are text, reset drops it", () => {
    const input = createReplInput();
    expect(input.take('"""')).toEqual({ kind: "more" });
    expect(input.take("  /bye")).toEqual({ kind: "more" });
    expect(input.take("")).toEqual({ kind: "more" });
    expect(input.take('end"""  ')).toEqual({ kind: "message", text: "\n  /bye\n\nend" });
    input.take('"""unfinished');
    input.reset();
    expect(input.take("/bye")).toEqual({ kind: "exit" });
  });
});

describe("history", () => {
  let dir: string;
  let file: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "llmlb-history-"));
    file = join(dir, "deep", "history");
  });

  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test("keeps the last lines, each once, private, and follows other chats", async () => {
    expect(await loadHistory(file)).toEqual([]);
    for (let line = 0; line < historyMaxLines + 5; line++) await addHistory(file, `line ${line}`);
    await addHistory(file, "line 50");
    await addHistory(file, "  ");
    const lines = await loadHistory(file);
    expect(lines).toHaveLength(historyMaxLines);
    expect([lines[0], lines.at(-1)]).toEqual(["line 5", "line 50"]);
    expect(lines.filter((line) => line === "line 50")).toHaveLength(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, "from another chat\n");
    await addHistory(file, "mine");
    expect(readFileSync(file, "utf8")).toBe("from another chat\nmine\n");
  });

  test("a file that others could read becomes private", async () => {
    await addHistory(file, "first");
    chmodSync(file, 0o644);
    await addHistory(file, "second");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("a folder that cannot be written is an error and leaves nothing", async () => {
    writeFileSync(join(dir, "deep"), "a file in the way");
    expect(addHistory(file, "line")).rejects.toThrow();
  });
});

describe("openLineReader", () => {
  const open = () => {
    const input = new PassThrough();
    const output = new PassThrough();
    let text = "";
    output.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    const reader = openLineReader({
      input: input as unknown as NodeJS.ReadStream,
      output: output as unknown as NodeJS.WriteStream,
      history: ["older", "newer"],
    });
    return { input, reader, text: () => text };
  };

  test("lines that come before they are asked for are kept in order and shown when they are taken", async () => {
    const { input, reader, text } = open();
    const first = reader.readLine(">>> ");
    input.write("one\rtwo\rthree\r");
    expect(await first).toEqual({ kind: "line", text: "one" });
    expect(text()).not.toContain("two");
    expect(await reader.readLine(">>> ")).toEqual({ kind: "line", text: "two" });
    expect(text()).toContain(">>> two\n");
    expect(await reader.readLine("... ")).toEqual({ kind: "line", text: "three" });
    expect(text()).toContain("... three\n");
    reader.close();
  });

  test("what is typed while no line is read is not echoed, and Ctrl+C then is an interrupt of the answer", async () => {
    const { input, reader, text } = open();
    const first = reader.readLine(">>> ");
    input.write("go\r");
    await first;
    const shown = text();
    const interrupted = Promise.withResolvers<void>();
    reader.onInterrupt = interrupted.resolve;
    input.write("secret\x03");
    await interrupted.promise;
    expect(text()).toBe(shown);
    const second = reader.readLine(">>> ");
    input.write("next\r");
    expect(await second).toEqual({ kind: "line", text: "next" });
    reader.close();
  });

  test("Ctrl+C while a line is read hands the line over; the keys know the history; the end is an end", async () => {
    const { input, reader } = open();
    const first = reader.readLine(">>> ");
    input.write("half\x03");
    expect(await first).toEqual({ kind: "interrupt", text: "half" });
    const second = reader.readLine(">>> ");
    input.write("\x1b[A\x1b[A\r");
    expect(await second).toEqual({ kind: "line", text: "older" });
    const third = reader.readLine(">>> ");
    input.write("\x04");
    expect(await third).toEqual({ kind: "end" });
    expect(await reader.readLine(">>> ")).toEqual({ kind: "end" });
  });
});
