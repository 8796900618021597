/** Wire types of OpenAI's Responses API, the part that the node serves (https://platform.openai.com/docs/api-reference/responses). */

export interface ResponsesTextPart {
  type: "input_text" | "output_text" | "text";
  text: string;
}

export interface ResponsesImagePart {
  type: "input_image";
  /** A data URL, or an address of the web where the node fetches from there. */
  image_url?: string | null;
  file_id?: string | null;
  detail?: string;
}

export type ResponsesContentPart = ResponsesTextPart | ResponsesImagePart | { type: string };

export interface ResponsesMessageItem {
  type?: "message";
  role: "system" | "developer" | "user" | "assistant";
  content: string | ResponsesContentPart[];
}

export interface ResponsesFunctionCall {
  type: "function_call";
  id?: string;
  call_id: string;
  name: string;
  arguments: string;
  status?: ResponsesItemStatus;
}

export interface ResponsesFunctionOutput {
  type: "function_call_output";
  call_id: string;
  output: string | ResponsesContentPart[];
}

export interface ResponsesReasoning {
  type: "reasoning";
  id?: string;
  summary: { type: "summary_text"; text: string }[];
  content?: { type: "reasoning_text"; text: string }[];
  status?: ResponsesItemStatus;
}

export type ResponsesInputItem =
  | ResponsesMessageItem
  | ResponsesFunctionCall
  | ResponsesFunctionOutput
  | ResponsesReasoning;

export interface ResponsesTool {
  type: string;
  name?: string;
  description?: string | null;
  parameters?: Record<string, unknown> | null;
}

export type ResponsesFormat =
  | { type: "text" }
  | { type: "json_object" }
  | { type: "json_schema"; name: string; schema?: Record<string, unknown> };

export interface ResponsesRequest {
  model: string;
  input?: string | ResponsesInputItem[];
  instructions?: string | null;
  previous_response_id?: string | null;
  /** False = the response cannot be gone on with. */
  store?: boolean | null;
  stream?: boolean | null;
  max_output_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  tools?: ResponsesTool[] | null;
  tool_choice?: "none" | "auto" | "required" | { type: string; name?: string } | null;
  parallel_tool_calls?: boolean | null;
  reasoning?: { effort?: "none" | "minimal" | "low" | "medium" | "high" | null } | null;
  text?: { format?: ResponsesFormat } | null;
  metadata?: Record<string, string> | null;
}

export type ResponsesItemStatus = "in_progress" | "completed" | "incomplete";

export interface ResponsesOutputText {
  type: "output_text";
  text: string;
  annotations: [];
  logprobs: [];
}

export type ResponsesOutputItem =
  | { type: "message"; id: string; role: "assistant"; status: ResponsesItemStatus; content: ResponsesOutputText[] }
  | (ResponsesFunctionCall & { id: string; status: ResponsesItemStatus })
  | (ResponsesReasoning & { id: string; status: ResponsesItemStatus });

export interface ResponsesUsage {
  input_tokens: number;
  input_tokens_details: { cached_tokens: number };
  output_tokens: number;
  output_tokens_details: { reasoning_tokens: number };
  total_tokens: number;
}

export interface ResponsesObject {
  id: string;
  object: "response";
  /** Unix seconds. */
  created_at: number;
  status: "in_progress" | "completed" | "incomplete" | "failed";
  error: { code: string; message: string } | null;
  incomplete_details: { reason: "max_output_tokens" } | null;
  instructions: string | null;
  max_output_tokens: number | null;
  metadata: Record<string, string>;
  model: string;
  output: ResponsesOutputItem[];
  parallel_tool_calls: boolean;
  previous_response_id: string | null;
  reasoning: { effort: string | null; summary: null };
  store: boolean;
  temperature: number;
  text: { format: ResponsesFormat };
  tool_choice: NonNullable<ResponsesRequest["tool_choice"]>;
  tools: ResponsesTool[];
  top_p: number;
  truncation: "disabled";
  usage: ResponsesUsage | null;
}

type Place = { item_id: string; output_index: number };
type ContentPlace = Place & { content_index: number };
type ReasoningPart = { type: "reasoning_text"; text: string };

/** Each carries a `sequence_number` on the wire. */
export type ResponsesEvent =
  | {
      type:
        | "response.created"
        | "response.in_progress"
        | "response.completed"
        | "response.incomplete"
        | "response.failed";
      response: ResponsesObject;
    }
  | {
      type: "response.output_item.added" | "response.output_item.done";
      output_index: number;
      item: ResponsesOutputItem;
    }
  | ({
      type: "response.content_part.added" | "response.content_part.done";
      part: ResponsesOutputText | ReasoningPart;
    } & ContentPlace)
  | ({ type: "response.output_text.delta"; delta: string; logprobs: [] } & ContentPlace)
  | ({ type: "response.output_text.done"; text: string; logprobs: [] } & ContentPlace)
  | ({ type: "response.reasoning_text.delta"; delta: string } & ContentPlace)
  | ({ type: "response.reasoning_text.done"; text: string } & ContentPlace)
  | ({ type: "response.function_call_arguments.delta"; delta: string } & Place)
  | ({ type: "response.function_call_arguments.done"; name: string; arguments: string } & Place);
