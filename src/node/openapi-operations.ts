/** What `/openapi.json` says of each route, beside what the route itself knows: its path and the schema of its body. */
export interface OperationTexts {
  tag: "Ollama" | "OpenAI" | "Anthropic" | "Reranking" | "Node";
  summary: string;
  /** Content types of the answer, the usual one first; absent = JSON. */
  answers?: readonly string[];
  /** Absent = 200. */
  status?: number;
}

const json = "application/json";
const lines = ["application/x-ndjson", json];
const events = [json, "text/event-stream"];
const text = ["text/plain"];

const ollama = (summary: string, more: Partial<OperationTexts> = {}): OperationTexts => ({
  tag: "Ollama",
  summary,
  ...more,
});
const openAi = (summary: string, more: Partial<OperationTexts> = {}): OperationTexts => ({
  tag: "OpenAI",
  summary,
  ...more,
});
const node = (summary: string, more: Partial<OperationTexts> = {}): OperationTexts => ({
  tag: "Node",
  summary,
  ...more,
});
const rerank: OperationTexts = { tag: "Reranking", summary: "Score documents for a query, the best first" };
const notHere = (what: string) => ollama(`${what}: not offered`, { status: 501 });

/** By method and path, as the routes are registered. */
export const operations: Readonly<Record<string, OperationTexts>> = {
  "GET /": node("Is it running?", { answers: text }),
  "HEAD /": node("Is it running?", { answers: [] }),
  "GET /health": node("Is it running?"),
  "GET /ready": node("Has it found what to compute with? 503 until then"),
  "GET /metrics": node("Counters and gauges for Prometheus", { answers: text }),
  "GET /openapi.json": node("This document"),
  "GET /api/node": node("Devices, memory, loaded models, slots, queues and speeds"),
  "GET /api/version": ollama("The release of Ollama whose API this is"),
  "GET /api/tags": ollama("Stored models"),
  "GET /api/ps": ollama("Loaded models"),
  "POST /api/show": ollama("What a model is"),
  "POST /api/copy": ollama("Give a model one more name", { answers: [] }),
  "DELETE /api/delete": ollama("Delete a model", { answers: [] }),
  "POST /api/pull": ollama("Download a model; with dry_run tell what that would take", { answers: lines }),
  "POST /api/chat": ollama("Chat; without messages load or unload the model", { answers: lines }),
  "POST /api/generate": ollama("Complete a prompt; without one load or unload the model", { answers: lines }),
  "POST /api/embed": ollama("Embeddings of texts"),
  "POST /api/embeddings": ollama("Embedding of one text, the older way"),
  "POST /api/push": notHere("Publish a model"),
  "POST /api/create": notHere("Make a model"),
  "POST /api/blobs/:digest": notHere("Upload a file"),
  "HEAD /api/blobs/:digest": notHere("Look for an uploaded file"),
  "GET /v1/models": openAi("Stored models"),
  "GET /v1/models/*": openAi("One model, by its name with the slash in it"),
  "POST /v1/chat/completions": openAi("Chat", { answers: events }),
  "POST /v1/completions": openAi("Complete a text", { answers: events }),
  "POST /v1/embeddings": openAi("Embeddings of texts or tokens"),
  "POST /v1/responses": openAi("Respond to input items", { answers: events }),
  "GET /v1/responses/:id": openAi("A response that is still kept"),
  "DELETE /v1/responses/:id": openAi("Forget a response"),
  "POST /v1/messages": { tag: "Anthropic", summary: "Chat", answers: events },
  "POST /v1/messages/count_tokens": { tag: "Anthropic", summary: "Tokens that a chat would be" },
  "POST /v1/rerank": rerank,
  "POST /v1/reranking": rerank,
  "POST /rerank": rerank,
  "POST /reranking": rerank,
};
