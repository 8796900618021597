/** `bun cluster-node.ts ollama|vllm PORT MODEL [HOST]`: a server of another kind, which streams twenty words, one every `WORD_MS`. */
const [kind = "", port = "0", model = "m", hostname = "127.0.0.1"] = process.argv.slice(2);
const words = 20;
const wordMs = Number(process.env.WORD_MS ?? 10);

const tellers: Record<string, Record<string, object>> = {
  ollama: {
    "/api/version": { version: "0.32.0" },
    "/api/tags": { models: [{ name: model, model, size: 1_000_000 }] },
    "/api/ps": { models: [{ name: model, model, size: 1_000_000, context_length: 4096 }] },
  },
  vllm: {
    "/version": { version: "0.20.0" },
    "/v1/models": { object: "list", data: [{ id: model, object: "model", owned_by: "vllm", max_model_len: 4096 }] },
  },
};

const encoder = new TextEncoder();
const event = (delta: object, finish_reason: string | null = null) =>
  encoder.encode(
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
  );

async function* answer(signal: AbortSignal) {
  for (let index = 0; index < words && !signal.aborted; index++) {
    yield event({ content: `w${index} ` });
    await Bun.sleep(wordMs);
  }
  yield event({}, "stop");
  yield encoder.encode("data: [DONE]\n\n");
}

const server = Bun.serve({
  hostname,
  port: Number(port),
  idleTimeout: 0,
  fetch(request) {
    const { pathname } = new URL(request.url);
    const told = tellers[kind]?.[pathname];
    if (told) return Response.json(told);
    if (pathname !== "/v1/chat/completions") return new Response("not found", { status: 404 });
    return new Response(answer(request.signal), { headers: { "content-type": "text/event-stream" } });
  },
});
console.log(`listening on http://127.0.0.1:${server.port}`);

export {}; // a module of its own
