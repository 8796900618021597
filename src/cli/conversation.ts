import type { OllamaChatRequest, OllamaChatResponse, OllamaMessage } from "../api/ollama.ts";
import type { Client } from "../client/client.ts";
import { systemClock } from "../core/clock.ts";
import type { Attachments } from "./attachments.ts";
import type { Output } from "./output.ts";
import { createAnswerView } from "./ui/answer-view.ts";
import { renderModel } from "./ui/model-sheet.ts";
import type { Conversation } from "./ui/repl.ts";
import { renderTimings } from "./ui/timings.ts";
import { showWait } from "./ui/wait-view.ts";

export interface ConversationOptions {
  client: Client;
  /** Model, format, thinking and keep-alive; the messages come from the conversation. */
  request: Omit<OllamaChatRequest, "messages">;
  /** See `WaitOptions`. */
  digest: string | undefined;
  /** What becomes of the files that a message names. */
  attachments: Attachments;
  stdout: Output;
  stderr: Output;
  colors: boolean;
  wordWrap: boolean;
  hideThinking: boolean;
  verbose: boolean;
}

/** A conversation that remembers itself: each message is sent with all that was said before. */
export const createConversation = (options: ConversationOptions): Conversation => {
  let messages: OllamaMessage[] = [];
  return {
    opensWithFile: options.attachments.opens,
    async say(text, signal, preface = "") {
      const taken = await options.attachments.take(text);
      const content = [preface, taken.text].filter((part) => part !== "").join(" ");
      const { images } = taken;
      const question: OllamaMessage = { role: "user", content, ...(images.length > 0 && { images }) };
      const reply: OllamaMessage = { role: "assistant", content: "" };
      messages.push(question);
      try {
        await showAnswer(options, messages, reply, signal);
      } finally {
        // An interrupted answer stays part of the talk. A question without any answer does not: templates want turns.
        if (reply.content !== "" || reply.thinking) messages.push(reply);
        else messages = messages.filter((message) => message !== question);
      }
    },
    clear() {
      messages = [];
    },
    async show(part, signal) {
      const model = await options.client.show(options.request.model, signal);
      if (part === "info") return renderModel(model);
      const text = model[part]?.trimEnd();
      return text ? `${text}\n\n` : `No ${part} was specified for this model.\n\n`;
    },
  };
};

/** Streams the answer to the terminal and gathers it in `reply`, so that a broken answer leaves what came. */
const showAnswer = async (
  options: ConversationOptions,
  messages: readonly OllamaMessage[],
  reply: OllamaMessage,
  signal: AbortSignal,
): Promise<void> => {
  const { client, request, digest, stderr, verbose } = options;
  const view = createAnswerView(options);
  const wait = await showWait({ client, digest, output: stderr, clock: systemClock });
  let final: OllamaChatResponse | undefined;
  try {
    for await (const record of client.chat({ ...request, messages: [...messages] }, signal)) {
      const { thinking = "", content } = record.message;
      if ((thinking !== "" && !options.hideThinking) || content !== "" || record.done) await wait.end();
      else if (thinking !== "") wait.say("thinking");
      if (thinking !== "") reply.thinking = (reply.thinking ?? "") + thinking;
      reply.content += content;
      await view.thinking(thinking);
      await view.content(content);
      if (record.done) final = record;
    }
  } finally {
    await wait.end();
    await view.end();
  }
  if (verbose && final) await stderr.write(renderTimings(final));
};
