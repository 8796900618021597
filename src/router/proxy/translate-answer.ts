import type { OpenAiEmbeddingsResponse } from "../../api/openai.ts";
import { findServerError } from "../../client/server-error.ts";
import { readSseJson } from "../../client/sse.ts";
import type { Clock } from "../../core/clock.ts";
import type { Embeddings } from "../../core/embedding.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { GenerationEvent } from "../../core/generation.ts";
import { isRecord, parseJson } from "../../core/json.ts";
import { fromOpenAiAnswer, type UpstreamChunk } from "../../dialect/openai-upstream-answer.ts";
import type { UpstreamAnswer } from "./connection.ts";
import type { InferenceRequest } from "./inference-request.ts";
import { translations } from "./translations.ts";
import type { UpstreamBody } from "./upstream-body.ts";
import { headerOf } from "./upstream-headers.ts";

export interface TranslateOptions {
  asked: InferenceRequest;
  answer: UpstreamAnswer;
  body: UpstreamBody;
  whole: Uint8Array | undefined;
  startMs: number;
  signal: AbortSignal;
  clock: Clock;
  headers: [name: string, value: string][];
  /** Told once, when the answer has ended. */
  onEnd(error?: AppError): void;
}

/** What a node answered in OpenAI's words, in the words of the client's dialect. */
export const translateAnswer = async (options: TranslateOptions): Promise<Response> => {
  const { asked, clock, startMs, signal, headers, body } = options;
  const translation = translations[asked.endpoint.path];
  if (!translation) throw new AppError("unsupported", `${asked.endpoint.path} cannot be translated`);
  const use = { asked, clock, startMs, signal };
  let response: Response;
  if (translation.kind === "generation") {
    const onAbort = () => body.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
    response = await translation.answer(watched(options), use);
  } else if (translation.kind === "count") {
    response = Response.json(translation.answer(await readCount(options)));
  } else {
    response = Response.json(translation.answer(await readEmbeddings(options), use));
  }
  for (const [name, value] of headers) response.headers.set(name, value);
  return response;
};

/** The events; its end is the end of the request, whoever ends it. */
async function* watched({
  answer,
  body,
  whole,
  startMs,
  clock,
  onEnd,
}: TranslateOptions): AsyncGenerator<GenerationEvent> {
  let outcome: AppError | undefined = new AppError("cancelled", "the client went away");
  try {
    const isWhole = !headerOf(answer, "content-type")?.startsWith("text/event-stream");
    const chunks = isWhole ? wholeAnswer(body, whole) : readSseJson<UpstreamChunk>(toStream(body, whole), cut);
    yield* fromOpenAiAnswer(chunks, { now: () => clock.now(), startMs });
    outcome = undefined;
  } catch (thrown) {
    outcome = thrown instanceof TypeError ? strange(thrown) : toAppError(thrown);
    throw outcome;
  } finally {
    body.cancel();
    onEnd(outcome);
  }
}

/** Its fields are read as they come: what is of another type than OpenAI's API has shows as a TypeError. */
const strange = (cause: TypeError) =>
  new AppError("corrupt", "the node's answer has not the shape of OpenAI's API", { cause });

const cut = () => new AppError("connection", "the node's answer ended in the middle");

/** A server that does not stream. */
async function* wholeAnswer(body: UpstreamBody, whole: Uint8Array | undefined): AsyncGenerator<UpstreamChunk> {
  yield (await readRecord(body, whole)) as UpstreamChunk;
}

const answerMaxBytes = 256 * 1024 * 1024; // of 2,048 embeddings of the largest models

/** Throws `corrupt` for what is no JSON object, and the error that it is. */
const readRecord = async (body: UpstreamBody, whole: Uint8Array | undefined): Promise<Record<string, unknown>> => {
  const pieces = whole ? [whole] : [];
  let bytes = 0;
  for (let piece = whole ? undefined : await body.read(); piece; piece = await body.read()) {
    bytes += piece.length;
    if (bytes > answerMaxBytes) throw new AppError("corrupt", "the node's answer is too large");
    pieces.push(piece);
  }
  const record = parseJson(new TextDecoder().decode(Buffer.concat(pieces)));
  if (!isRecord(record)) throw new AppError("corrupt", "the node's answer is no JSON object");
  const error = findServerError(record, "internal");
  if (error) throw error;
  return record;
};

const readEmbeddings = (options: TranslateOptions): Promise<Embeddings> =>
  readAnswer(options, (answer) => {
    const { data, usage } = answer as unknown as Partial<OpenAiEmbeddingsResponse>;
    const vectors = (data ?? []).map(({ embedding }) =>
      typeof embedding === "string" ? fromBase64(embedding) : Float32Array.from(embedding),
    );
    return { vectors, promptTokens: usage?.prompt_tokens ?? 0 };
  });

const readCount = (options: TranslateOptions): Promise<number> =>
  readAnswer(options, ({ count }) => {
    if (typeof count === "number") return count;
    throw new AppError("corrupt", "the node's answer has no count of tokens");
  });

/** Its end is the end of the request. */
const readAnswer = async <T>(
  { body, whole, onEnd }: TranslateOptions,
  read: (answer: Record<string, unknown>) => T,
): Promise<T> => {
  try {
    const answer = read(await readRecord(body, whole));
    onEnd();
    return answer;
  } catch (thrown) {
    const error = thrown instanceof TypeError ? strange(thrown) : toAppError(thrown);
    onEnd(error);
    throw error;
  }
};

const fromBase64 = (text: string): Float32Array => {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new Float32Array(bytes.buffer, 0, Math.floor(bytes.length / 4));
};

const toStream = (body: UpstreamBody, whole: Uint8Array | undefined): ReadableStream<Uint8Array> => {
  let upcoming = whole;
  return new ReadableStream(
    {
      async pull(controller) {
        const piece = upcoming ?? (whole ? undefined : await body.read());
        upcoming = undefined;
        if (piece) controller.enqueue(piece);
        else controller.close();
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
};
