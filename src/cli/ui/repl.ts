import { type AppError, toAppError } from "../../core/errors.ts";
import type { Output } from "../output.ts";
import { errorLine } from "../report-error.ts";
import type { LineReader } from "./line-reader.ts";
import type { ModelPart } from "./model-sheet.ts";
import { createReplInput, type ReplRequest } from "./repl-input.ts";

/** The conversation behind the chat. */
export interface Conversation {
  /**
   * Sends a message, with the files that it names, and shows the answer. In `preface`, which comes before it, no files are looked for.
   * Throws an AppError; `cancelled` when the signal fires.
   */
  say(text: string, signal: AbortSignal, preface?: string): Promise<void>;
  /** Is this line, which looks like a command, a message that begins with a file? */
  opensWithFile(line: string): boolean;
  clear(): void;
  /** One part of what the model is, or all of it in short. Throws an AppError. */
  show(part: ModelPart | "info", signal: AbortSignal): Promise<string>;
}

export interface ReplOptions {
  reader: LineReader;
  stdout: Output;
  stderr: Output;
  conversation: Conversation;
  /** Told of every line that the user enters; never rejects. */
  remember(line: string): Promise<void>;
  /** Ends a running answer for good. */
  signal: AbortSignal;
}

const prompt = ">>> ";
const morePrompt = "... ";
const placeholder = "Send a message (/? for help)";

/** Talks with the user until `/bye` or Ctrl+D. A failed answer is shown and the chat goes on. */
export const runRepl = async (options: ReplOptions): Promise<void> => {
  const { reader, stdout, remember, conversation } = options;
  const input = createReplInput(conversation.opensWithFile);
  let isMore = false;
  let draft = "";
  for (;;) {
    const read = await reader.readLine(isMore ? morePrompt : prompt, isMore ? "" : placeholder, draft);
    draft = "";
    if (read.kind === "end") return;
    if (read.kind === "interrupt") {
      input.reset();
      isMore = false;
      if (read.text === "") await stdout.write("Use Ctrl + d or /bye to exit.\n");
      continue;
    }
    const remembered = remember(read.text); // the answer does not wait for the disk
    const request = input.take(read.text);
    isMore = request.kind === "more";
    if (request.kind === "message") draft = await say(request.text, options);
    else if (request.kind !== "exit") await answer(request, options);
    await remembered;
    if (request.kind === "exit") return;
  }
};

/** Resolves to what is to stand on the next line: a message that could not be sent as it is can be mended. */
const say = async (text: string, options: ReplOptions): Promise<string> => {
  const fault = await attempt(options, (signal) => options.conversation.say(text, signal));
  return fault?.code === "invalid_argument" ? text : "";
};

const answer = async (request: ReplRequest, options: ReplOptions): Promise<unknown> => {
  const { conversation, stdout } = options;
  if (request.kind === "show") {
    const { part } = request;
    return await attempt(options, async (signal) => stdout.write(await conversation.show(part, signal)));
  }
  if (request.kind === "clear") {
    conversation.clear();
    return await stdout.write("Cleared session context\n");
  }
  if (request.kind === "help") return await stdout.write(helps[request.topic] ?? commandsHelp);
  if (request.kind === "unknown") {
    await stdout.write(`Unknown command '${request.word}'. Type /? for help\n`);
  }
};

/** Ctrl+C ends `work` and not the chat; what fails is shown, and told to the caller. */
const attempt = async (
  { reader, stdout, stderr, signal }: ReplOptions,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<AppError | undefined> => {
  const controller = new AbortController();
  reader.onInterrupt = () => controller.abort();
  try {
    await work(AbortSignal.any([signal, controller.signal]));
  } catch (error) {
    if (controller.signal.aborted || signal.aborted) await stdout.write("\n");
    else {
      await stderr.write(errorLine(error));
      return toAppError(error);
    }
  } finally {
    reader.onInterrupt = () => undefined;
  }
  return undefined;
};

const commandsHelp = `Available Commands:
  /show           Show model information (/? show)
  /clear          Clear session context
  /bye            Exit
  /?, /help       Help for a command
  /? shortcuts    Help for keyboard shortcuts

Use """ to begin a multi-line message.

`;

const shortcutsHelp = `Available keyboard shortcuts:
  Ctrl + a            Move to the beginning of the line (Home)
  Ctrl + e            Move to the end of the line (End)
   Alt + b            Move back (left) one word
   Alt + f            Move forward (right) one word
  Ctrl + k            Delete the sentence after the cursor
  Ctrl + u            Delete the sentence before the cursor
  Ctrl + w            Delete the word before the cursor
  Ctrl + y            Put back what was deleted last
  Ctrl + r            Search the history
  Ctrl + j, Alt + Enter  Begin a new line

  Ctrl + l            Clear the screen
  Ctrl + c            Stop the model from responding
  Ctrl + d            Exit (/bye)

`;

const showHelp = `Available Commands:
  /show info         Show details of the model
  /show license      Show its license
  /show modelfile    Show it as a Modelfile
  /show parameters   Show its default parameters
  /show system       Show its system message
  /show template     Show its chat template

`;

const helps: Readonly<Record<string, string | undefined>> = { shortcuts: shortcutsHelp, show: showHelp };
