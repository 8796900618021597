/** Speaks nonsense, then pretends to have loaded a model, and never ends by itself. */
process.on("message", (message: { type: string }) => {
  if (message.type !== "load") return;
  for (const garbage of [
    null,
    7,
    { type: "events", id: 1, events: [{ type: "text" }] },
    { type: "error", id: 1, code: "?" },
  ])
    process.send?.(garbage);
  const facts = { contextTokens: 1, trainContextTokens: 1, slots: 1, memoryBytes: 0, vramBytes: 0, gpuLayers: 0 };
  const chatTemplate = `HF_TOKEN is ${process.env.HF_TOKEN}`;
  const capabilities = { thinking: false, tools: false };
  process.send?.({ type: "loaded", model: { ...facts, backend: "cpu", loadMs: 0, chatTemplate, capabilities } });
});
setInterval(() => undefined, 1000);
