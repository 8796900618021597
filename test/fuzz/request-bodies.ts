/** Bodies of requests that use all of each endpoint, for tests that change them. */
export const model = "llmlb-test/tiny-hello-GGUF";
const tool = {
  type: "function",
  function: { name: "f", description: "d", parameters: { type: "object", properties: { a: { type: "string" } } } },
};
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const image = `data:image/png;base64,${png}`;
const sampling = { temperature: 0.5, top_p: 0.9, seed: 1, stop: ["x"] };

/** A body of each endpoint that uses all of it. */
export const bodies: Readonly<Record<string, readonly unknown[]>> = {
  "POST /api/chat": [
    {
      ...{
        model,
        stream: false,
        keep_alive: "5m",
        think: false,
        format: { type: "object" },
        logprobs: true,
        top_logprobs: 2,
      },
      options: { ...sampling, num_ctx: 2048, num_predict: 5, num_keep: 1, mirostat: 1 },
      messages: [
        { role: "system", content: "s" },
        { role: "user", content: "hi", images: [png] },
        {
          role: "assistant",
          content: "",
          thinking: "t",
          tool_calls: [{ function: { name: "f", arguments: { a: "b" } } }],
        },
        { role: "tool", content: "c", tool_name: "f" },
      ],
      tools: [tool],
    },
  ],
  "POST /api/generate": [
    {
      ...{
        model,
        prompt: "hi",
        suffix: "s",
        system: "s",
        template: "{{ .Prompt }}",
        stream: true,
        raw: false,
        context: [1, 2],
      },
      ...{ keep_alive: 1, format: "json", images: [png], options: sampling },
    },
    { model, keep_alive: 0 },
  ],
  "POST /api/embed": [
    { model, input: ["a", "b"], truncate: true, dimensions: 2, options: { num_ctx: 2048 }, keep_alive: "1m" },
  ],
  "POST /api/embeddings": [{ model, prompt: "a", options: {}, keep_alive: 1 }],
  "POST /api/show": [{ model, verbose: true }, { name: model }],
  "POST /api/copy": [{ source: model, destination: "copy" }],
  "DELETE /api/delete": [{ model: "org/absent" }],
  "POST /api/pull": [{ model: "org/absent", stream: false, quant: "Q4_K_M", dry_run: true }],
  "POST /v1/chat/completions": [
    {
      ...{
        model,
        stream: true,
        stream_options: { include_usage: true },
        n: 2,
        ...sampling,
        max_tokens: 5,
        logprobs: true,
      },
      ...{
        top_logprobs: 2,
        logit_bias: { "1": 5 },
        response_format: { type: "json_schema", json_schema: { schema: {} } },
      },
      ...{ tool_choice: "auto", parallel_tool_calls: true, reasoning_effort: "low" },
      messages: [
        { role: "developer", content: "s" },
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "image_url", image_url: { url: image } },
          ],
        },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "1", content: "c" },
      ],
      tools: [tool],
    },
  ],
  "POST /v1/completions": [
    {
      model,
      prompt: ["a", "b"],
      stream: false,
      n: 1,
      ...sampling,
      max_tokens: 5,
      logprobs: 1,
      echo: true,
      suffix: "x",
      logit_bias: { "1": 1 },
    },
  ],
  "POST /v1/embeddings": [
    { model, input: ["a", "b"], encoding_format: "base64", dimensions: 2 },
    { model, input: [[1, 2], [3]] },
  ],
  "POST /v1/responses": [
    {
      ...{
        model,
        instructions: "s",
        stream: false,
        store: true,
        max_output_tokens: 5,
        ...sampling,
        reasoning: { effort: "low" },
      },
      ...{
        text: { format: { type: "json_schema", name: "n", schema: {} } },
        tool_choice: "auto",
        previous_response_id: "resp_1",
      },
      tools: [{ type: "function", name: "f", parameters: {} }],
      input: [
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_text", text: "a" },
            { type: "input_image", image_url: image },
          ],
        },
        { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "1", output: "x" },
        { type: "reasoning", summary: [{ type: "summary_text", text: "t" }] },
      ],
    },
    { model, input: "hi", store: false },
  ],
  "POST /v1/messages": [
    {
      ...{ model, max_tokens: 5, stream: true, stop_sequences: ["x"], temperature: 1, top_k: 5, metadata: {} },
      ...{
        thinking: { type: "enabled", budget_tokens: 5 },
        tool_choice: { type: "auto" },
        system: [{ type: "text", text: "s" }],
      },
      tools: [{ name: "f", description: "d", input_schema: { type: "object" } }],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "a", cache_control: {} },
            { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "t", signature: "" },
            { type: "tool_use", id: "1", name: "f", input: {} },
          ],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "1", content: [{ type: "text", text: "x" }], is_error: false }],
        },
      ],
    },
  ],
  "POST /v1/messages/count_tokens": [{ model, system: "s", messages: [{ role: "user", content: "a" }], tools: [] }],
  "POST /v1/rerank": [{ model, query: "q", documents: ["a", { text: "b" }], top_n: 1, return_documents: true }],
  "POST /api/router/nodes": [{ url: "http://169.254.169.254", name: "n", kind: "ollama", api_key: "k" }],
  "POST /api/router/nodes/abc/drain": [{ drain: true }],
  "POST /api/router/tokens": [{ expires_in: "1h" }],
  "POST /api/router/keys": [{ name: "n", scopes: ["infer"], requests_per_minute: 1, concurrency: 1 }],
  "POST /api/router/join": [{ token: "t", url: "http://127.0.0.1:1", name: "n", key: "k".repeat(20) }],
};
