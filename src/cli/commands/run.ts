import type { OllamaChatRequest, OllamaShowResponse } from "../../api/ollama.ts";
import type { Client } from "../../client/client.ts";
import { systemClock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { ModelRef } from "../../core/model-ref.ts";
import type { Attachments } from "../attachments.ts";
import { command } from "../command.ts";
import type { CliContext } from "../context.ts";
import { type ConversationOptions, createConversation } from "../conversation.ts";
import { interruptible } from "../interrupt.ts";
import { readStdin } from "../read-stdin.ts";
import { toRequestOptions } from "../run-options.ts";
import { showPull } from "../show-pull.ts";
import type { Conversation } from "../ui/repl.ts";
import { showWait } from "../ui/wait-view.ts";

const args = {
  model: {
    type: "positional",
    completes: "models",
    description: "Name of the model; one on Hugging Face is pulled when it is absent",
  },
  prompt: { type: "positional", required: false, many: true, description: "Answer this and exit, without a chat" },
  think: {
    type: "string",
    implied: "true",
    valueHint: "true|false|low|medium|high",
    completes: ["true", "false", "low", "medium", "high"],
    description: "Let the model think first, or not, or how hard",
  },
  hidethinking: { type: "boolean", description: "Do not show the thinking" },
  format: {
    type: "string",
    valueHint: "json|SCHEMA",
    completes: ["json"],
    description: "Answer in JSON, or as a JSON schema says",
  },
  keepalive: {
    type: "string",
    valueHint: "DURATION",
    description: "How long the model stays loaded, such as 5m or -1",
  },
  nowordwrap: { type: "boolean", description: "Do not wrap lines at words" },
  verbose: { type: "boolean", description: "Show timings after each answer" },
} as const;

export const run = command({
  args,
  examples: [
    "llmlb node run Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    'llmlb node run qwen2.5-0.5b "Why is the sky blue?"',
    'llmlb node run google/gemma-3-4b-it-qat-q4_0-gguf "./photo.jpg What is this?"',
    'cat notes.txt | llmlb node run qwen2.5-0.5b "Summarize this"',
    "llmlb node run --think=high Qwen/Qwen3-4B-GGUF",
  ],
  run: async (values, context) => {
    const ref = context.parseModel(values.model);
    const request = { model: values.model, ...toRequestOptions(values) };
    const { isatty } = await import("node:tty");
    const isChat = values.prompt.length === 0 && isatty(0) && context.stdout.isTty;
    const view = { wordWrap: !values.nowordwrap, hideThinking: values.hidethinking, verbose: values.verbose };
    const session: Session = { client: context.client(), ref, request, context, view };
    if (isChat) await chat(session);
    else await answerOnce(session, values.prompt, isatty(0));
  },
});

interface Session {
  client: Client;
  ref: ModelRef;
  request: Omit<OllamaChatRequest, "messages">;
  context: CliContext;
  view: Pick<ConversationOptions, "wordWrap" | "hideThinking" | "verbose">;
}

/**
 * Piped text comes before the prompt's words, as in Ollama: `cat notes.txt | run MODEL "Summarize this"`. Only the words name files: a text
 * from elsewhere must not choose what is read from this machine.
 */
const answerOnce = (session: Session, words: readonly string[], stdinIsTty: boolean): Promise<void> =>
  interruptible(async (signal) => {
    const { client, request } = session;
    const piped = stdinIsTty ? "" : await readStdin(signal);
    const prompt = words.join(" ");
    const { conversation } = await openConversation(session, signal);
    // An empty prompt only loads the model, as in Ollama.
    if (`${piped}${prompt}`.trim() === "") await client.load(request.model, request.keep_alive, signal);
    else await conversation.say(prompt, signal, piped);
  });

const chat = (session: Session): Promise<void> =>
  interruptible(async (signal) => {
    const { client, request, context } = session;
    const { stdout, stderr } = context;
    const { conversation, digest } = await openConversation(session, signal);
    const wait = await showWait({ client, digest, output: stderr, clock: systemClock });
    await client.load(request.model, request.keep_alive, signal).finally(() => wait.end());
    const { addHistory, loadHistory } = await import("../ui/history.ts");
    const { openLineReader } = await import("../ui/line-reader.ts");
    const { runRepl } = await import("../ui/repl.ts");
    const { historyFile } = context.config();
    const history = await loadHistory(historyFile);
    const reader = openLineReader({ input: process.stdin, output: process.stdout, history, colors: context.colors });
    signal.addEventListener("abort", () => reader.close(), { once: true });
    // A history that cannot be written is no reason to end a chat.
    const remember = (line: string) => addHistory(historyFile, line).catch(() => undefined);
    await runRepl({ reader, stdout, stderr, conversation, remember, signal }).finally(() => reader.close());
    signal.throwIfAborted();
  });

/** With the model's digest, where the server tells it. */
const openConversation = async (
  session: Session,
  signal: AbortSignal,
): Promise<{ conversation: Conversation; digest: string | undefined }> => {
  const { client, request, context, view } = session;
  const { stdout, stderr, colors } = context;
  const { capabilities, digest } = await ensureModel(session, signal);
  const takesFiles = capabilities.includes("vision") || capabilities.includes("audio");
  const attachments = takesFiles ? (await import("../attachments.ts")).openAttachments(stderr) : textAlone;
  return {
    conversation: createConversation({ client, request, digest, attachments, stdout, stderr, colors, ...view }),
    digest,
  };
};

/** For a model that neither sees nor hears a path is a text like any other, as in Ollama. */
const textAlone: Attachments = { take: async (text) => ({ text, images: [] }), opens: () => false };

/** What the model is. Pulls a Hugging Face model that the server does not have. Throws `model_not_found` for any other name. */
const ensureModel = async (session: Session, signal: AbortSignal): Promise<OllamaShowResponse> => {
  const { client, ref, request, context } = session;
  try {
    return await client.show(request.model, signal);
  } catch (error) {
    const isMissing = error instanceof AppError && error.code === "model_not_found";
    if (!isMissing || ref.kind !== "hub") throw error;
    await showPull(client.pull(request.model, signal), context.stderr);
    return await client.show(request.model, signal);
  }
};
