/**
 * A server that looks like llama-server to a router, with more slots than anybody asks for: answers at once, or streams `chunks` events with
 * the time at which each left, one every `everyMs`; or fails, where it is asked to.
 */
const told: Record<string, object> = {
  "/props": { total_slots: 4096, build_info: "fake", default_generation_settings: { n_ctx: 4096 } },
  "/v1/models": { object: "list", data: [{ id: "m", object: "model" }] },
};

const answer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello there. ".repeat(20) }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 60, total_tokens: 70 },
});

const encoder = new TextEncoder();
const nowMs = () => performance.timeOrigin + performance.now();

const stream = (chunks: number, everyMs: number, signal: AbortSignal): Response => {
  async function* events() {
    for (let index = 0; index < chunks && !signal.aborted; index++) {
      yield encoder.encode(`data: {"sent":${nowMs()},"choices":[{"delta":{"content":"tok"}}]}\n\n`);
      await Bun.sleep(everyMs);
    }
    yield encoder.encode("data: [DONE]\n\n");
  }
  return new Response(events(), { headers: { "content-type": "text/event-stream" } });
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  async fetch(request) {
    if (request.method === "GET") return Response.json(told[new URL(request.url).pathname] ?? {});
    const asked = (await request.json()) as { stream?: { chunks: number; everyMs: number }; fault?: boolean };
    const { stream: wanted, fault } = asked;
    if (fault) return Response.json({ error: { message: "out of order" } }, { status: 500 });
    if (wanted) return stream(wanted.chunks, wanted.everyMs, request.signal);
    return new Response(answer, { headers: { "content-type": "application/json" } });
  },
});
console.log(`ready ${server.port}`);

export {}; // a module of its own
