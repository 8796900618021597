import type {
  ResponsesEvent,
  ResponsesObject,
  ResponsesOutputItem,
  ResponsesRequest,
  ResponsesUsage,
} from "../api/openai-responses.ts";
import type { GenerationCounts, GenerationEvent } from "../core/generation.ts";

/** The response before its first token. `id`: with its prefix; `created`: Unix seconds. */
export const emptyResponse = (request: ResponsesRequest, id: string, created: number): ResponsesObject => ({
  id,
  object: "response",
  created_at: created,
  status: "in_progress",
  error: null,
  incomplete_details: null,
  instructions: request.instructions ?? null,
  max_output_tokens: request.max_output_tokens ?? null,
  metadata: request.metadata ?? {},
  model: request.model,
  output: [],
  parallel_tool_calls: request.parallel_tool_calls ?? true,
  previous_response_id: request.previous_response_id ?? null,
  reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
  store: request.store ?? true,
  temperature: request.temperature ?? 1,
  text: { format: request.text?.format ?? { type: "text" } },
  tool_choice: request.tool_choice ?? "auto",
  tools: request.tools ?? [],
  top_p: request.top_p ?? 1,
  truncation: "disabled",
  usage: null,
});

type PieceEvent = Extract<GenerationEvent, { type: "text" | "reasoning" | "toolCall" }>;

/**
 * The events of a streamed response. `response` is filled as they come: with the last event it is the whole. Items follow one another, each
 * with its beginning, its pieces and its end.
 */
export async function* toResponsesEvents(
  events: AsyncIterable<GenerationEvent>,
  response: ResponsesObject,
): AsyncGenerator<ResponsesEvent & { sequence_number: number }> {
  let sequence = 0;
  for await (const event of unnumbered(events, response)) yield { ...event, sequence_number: sequence++ };
}

async function* unnumbered(
  events: AsyncIterable<GenerationEvent>,
  response: ResponsesObject,
): AsyncGenerator<ResponsesEvent> {
  let open: { key: string; item: ResponsesOutputItem } | undefined;
  let reasoningPieces = 0;
  let pieces = 0;
  for await (const event of events) {
    if (event.type === "logprobs") continue;
    if (event.type === "started") {
      yield { type: "response.created", response: { ...response } };
      yield { type: "response.in_progress", response: { ...response } };
      continue;
    }
    const key = event.type === "done" ? "" : keyOf(event);
    if (open && open.key !== key) {
      yield* closeItem(open.item, response.output.length - 1, "completed");
      open = undefined;
    }
    if (event.type === "done") {
      finish(response, event, pieces === 0 ? 0 : reasoningPieces / pieces);
      yield { type: event.reason === "length" ? "response.incomplete" : "response.completed", response };
      continue;
    }
    if (!open) {
      open = { key, item: emptyItem(event) };
      response.output.push(open.item);
      yield* openItem(open.item, response.output.length - 1);
    }
    pieces++;
    if (event.type === "reasoning") reasoningPieces++;
    yield* addPiece(open.item, event, response.output.length - 1);
  }
}

const keyOf = (event: PieceEvent): string => (event.type === "toolCall" ? `call ${event.index}` : event.type);

const newId = (prefix: string) => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`;

const emptyItem = (event: PieceEvent): ResponsesOutputItem => {
  const status = "in_progress" as const;
  if (event.type === "text") return { type: "message", id: newId("msg"), role: "assistant", status, content: [] };
  if (event.type === "reasoning") return { type: "reasoning", id: newId("rs"), summary: [], content: [], status };
  const { id = "", name = "" } = event;
  return { type: "function_call", id: newId("fc"), call_id: id, name, arguments: "", status };
};

const emptyText = () => ({ type: "output_text" as const, text: "", annotations: [] as [], logprobs: [] as [] });

function* openItem(item: ResponsesOutputItem, output_index: number): Generator<ResponsesEvent> {
  yield { type: "response.output_item.added", output_index, item: { ...item } };
  if (item.type === "function_call") return;
  const part = item.type === "message" ? emptyText() : { type: "reasoning_text" as const, text: "" };
  if (item.type === "message") item.content = [emptyText()];
  else item.content = [{ type: "reasoning_text", text: "" }];
  yield { type: "response.content_part.added", item_id: item.id, output_index, content_index: 0, part };
}

function* addPiece(item: ResponsesOutputItem, event: PieceEvent, output_index: number): Generator<ResponsesEvent> {
  const place = { item_id: item.id, output_index };
  if (event.type === "toolCall" && item.type === "function_call") {
    item.arguments += event.arguments;
    if (event.arguments) yield { type: "response.function_call_arguments.delta", ...place, delta: event.arguments };
    return;
  }
  if (event.type === "toolCall" || item.type === "function_call") return;
  const part = item.content?.[0];
  if (part) part.text += event.text;
  const where = { ...place, content_index: 0, delta: event.text };
  if (item.type === "message") yield { type: "response.output_text.delta", ...where, logprobs: [] };
  else yield { type: "response.reasoning_text.delta", ...where };
}

function* closeItem(
  item: ResponsesOutputItem,
  output_index: number,
  status: "completed" | "incomplete",
): Generator<ResponsesEvent> {
  item.status = status;
  const place = { item_id: item.id, output_index };
  if (item.type === "function_call") {
    const { name, arguments: text } = item;
    yield { type: "response.function_call_arguments.done", ...place, name, arguments: text };
  } else {
    const where = { ...place, content_index: 0 };
    const part = item.content?.[0] ?? emptyText();
    if (item.type === "message") yield { type: "response.output_text.done", ...where, text: part.text, logprobs: [] };
    else yield { type: "response.reasoning_text.done", ...where, text: part.text };
    yield { type: "response.content_part.done", ...where, part };
  }
  yield { type: "response.output_item.done", output_index, item };
}

const finish = (
  response: ResponsesObject,
  { reason, counts }: Extract<GenerationEvent, { type: "done" }>,
  reasoningShare: number,
): void => {
  response.status = reason === "length" ? "incomplete" : "completed";
  if (reason === "length") response.incomplete_details = { reason: "max_output_tokens" };
  response.usage = usageOf(counts, reasoningShare);
};

/** How many of the tokens were thoughts is not counted; their share of the pieces is close. */
const usageOf = (
  { promptTokens, cachedTokens, completionTokens }: GenerationCounts,
  reasoningShare: number,
): ResponsesUsage => ({
  input_tokens: promptTokens,
  input_tokens_details: { cached_tokens: cachedTokens },
  output_tokens: completionTokens,
  output_tokens_details: { reasoning_tokens: Math.round(completionTokens * reasoningShare) },
  total_tokens: promptTokens + completionTokens,
});
