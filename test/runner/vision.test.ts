/** What llama-mtmd-cli said about the same files (scripts/record-media-expectations.ts), and how pictures live beside all the rest. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { buildModel, buildProjector } from "../../scripts/fixtures/models.ts";
import { pictureFile, pictures } from "../../scripts/fixtures/pictures.ts";
import type { ChatMessage, GenerationRequest, MediaPart } from "../../src/core/generation.ts";
import type { RunnerHandle } from "../../src/runner/handle.ts";
import type { LoadOptions } from "../../src/runner/protocol.ts";
import recorded from "../fixtures/media-expectations.json";
import { chatOf, collect, fixtures, loadedRunners, partsOf, showOf, startRunner, textOf } from "./start-runner.ts";

const { modelPath, projectorPath } = fixtures();
const runnerOf = loadedRunners(modelPath);
const models = recorded.models.map(
  ({ file }) =>
    file
      .split("/")
      .at(-1)
      ?.replace(/-F32\.gguf$/, "") ?? "",
);
const seers = models.filter((name) => name !== "tiny-audio");

const seer = (name: string, options: Partial<LoadOptions> = {}): Promise<RunnerHandle> =>
  runnerOf(name, { projectorPath: projectorPath(name), contextTokens: 2048, threads: 1, ...options });

const show = (names: readonly string[], text = recorded.question, request: Partial<GenerationRequest> = {}) =>
  showOf(names.map(pictureFile), text, { maxTokens: recorded.maxTokens, ...request });

const user = (names: readonly string[], text: string): ChatMessage => ({
  role: "user",
  content: partsOf(names.map(pictureFile), text),
});

/** What a runner answers that has seen nothing before. */
const fresh = async (name: string, request: GenerationRequest) => {
  await using stack = new AsyncDisposableStack();
  const runner = startRunner();
  stack.defer(() => runner.exit());
  const options = { modelPath: modelPath(name), projectorPath: projectorPath(name), gpu: "cpu", threads: 1 } as const;
  await runner.load({ ...options, contextTokens: 2048, slots: 1 });
  return await collect(runner.generate(request));
};

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the pictures of the records are those that are shown here, to the same models", () => {
  for (const [index, { sha256: model, projectorSha256 }] of recorded.models.entries()) {
    expect(sha256(buildModel(models[index] ?? ""))).toBe(model);
    expect(sha256(buildProjector(models[index] ?? ""))).toBe(projectorSha256);
  }
  expect(recorded.models[0]?.answers.flatMap(({ shown }) => shown)).toContainValues(Object.keys(pictures));
});

describe.each(seers)("%s", (name) => {
  const answers = recorded.models[models.indexOf(name)]?.answers ?? [];

  test("says of every picture what llama-mtmd-cli says", async () => {
    const runner = await seer(name, { slots: 1 });
    for (const { shown, text } of answers) {
      const answer = await collect(runner.generate(show(shown)));
      expect({ shown, text: answer.text }).toEqual({ shown, text });
    }
  });

  test("and of all at once, in 8 slots, with texts between them", async () => {
    const runner = await seer(name, { slots: 8 });
    const alone = await collect(runner.generate(chatOf("Who are you?", { maxTokens: 20 })));
    const texts = Array.from({ length: 12 }, () => runner.generate(chatOf("Who are you?", { maxTokens: 20 })));
    const asked = answers.map(({ shown }) => runner.generate(show(shown)));
    const said = await Promise.all([...texts, ...asked].map(collect));
    expect(said.slice(0, texts.length).map(({ text }) => text)).toEqual(texts.map(() => alone.text));
    expect(said.slice(texts.length).map(({ text }) => text)).toEqual(answers.map(({ text }) => text));
  });

  test("a second question about the same pictures encodes and evaluates nothing of them again", async () => {
    const runner = await seer(name, { slots: 1, promptCacheBytes: 0 });
    const shown = ["noisy red", "blue corner"];
    await collect(runner.generate(show(shown, "What is this?")));
    const before = await runner.stats();
    const second = await collect(runner.generate(show(shown, "And how many colours are there in these pictures?")));
    const after = await runner.stats();
    expect(after.mediaEncoded).toBe(before.mediaEncoded);
    expect(second.done.counts.cachedTokens).toBeGreaterThan(second.done.counts.promptTokens - 100);
    expect(after.promptTokens - before.promptTokens).toBe(
      second.done.counts.promptTokens - second.done.counts.cachedTokens,
    );
    const same = await fresh(name, show(shown, "And how many colours are there in these pictures?"));
    expect({ text: second.text, promptTokens: second.done.counts.promptTokens }).toEqual({
      text: same.text,
      promptTokens: same.done.counts.promptTokens,
    });
  });

  test("a chat about pictures goes on, and another picture can come later", async () => {
    const runner = await seer(name, { slots: 2 });
    const messages: ChatMessage[] = [user(["cyan"], "What is this?")];
    const one = await collect(runner.generate({ ...show([]), input: { kind: "chat", messages } }));
    messages.push({ role: "assistant", content: one.text }, user(["red corner"], "And this?"));
    const { mediaEncoded } = await runner.stats();
    const two = await collect(runner.generate({ ...show([]), input: { kind: "chat", messages } }));
    expect((await runner.stats()).mediaEncoded - mediaEncoded).toBeLessThanOrEqual(1);
    expect(two.done.counts.cachedTokens).toBeGreaterThanOrEqual(one.done.counts.promptTokens - 8);
    expect(two.text).toBe((await fresh(name, { ...show([]), input: { kind: "chat", messages } })).text);
  });

  test("a picture that lost its slot comes back from host memory", async () => {
    const runner = await seer(name, { slots: 1, promptCacheBytes: 64 << 20 });
    const one = await collect(runner.generate(show(["noisy green", "yellow"])));
    await collect(runner.generate(textOf("0123456789".repeat(20), { maxTokens: 4 })));
    const before = await runner.stats();
    const again = await collect(runner.generate(show(["noisy green", "yellow"])));
    expect(again.text).toBe(one.text);
    expect((await runner.stats()).mediaEncoded).toBe(before.mediaEncoded);
    expect(again.done.counts.promptTokens).toBe(one.done.counts.promptTokens);
  });

  test("pictures count as tokens, in a count too", async () => {
    const runner = await seer(name, { slots: 1 });
    const tokens = async (shown: string[]) => await runner.countTokens(show(shown));
    const answer = await collect(runner.generate(show(["white", "grey"])));
    const both = await tokens(["white", "grey"]);
    expect(both).toBe(answer.done.counts.promptTokens);
    expect(both - (await tokens(["grey"]))).toBe((await tokens(["white"])) - (await tokens([])));
  });

  test("a chat that is too long loses whole turns, with their pictures", async () => {
    const runner = await seer(name, { slots: 1 });
    const turns = ["red", "green", "blue"].flatMap((shown): ChatMessage[] => [
      user([shown], "?"),
      { role: "assistant", content: "." },
    ]);
    const messages = [...turns, user(["grey"], "And now?")];
    const chat = (of: ChatMessage[], more: Partial<GenerationRequest> = {}) =>
      collect(runner.generate({ ...show([]), maxTokens: 4, input: { kind: "chat", messages: of }, ...more }));
    const kept = await chat(messages.slice(4));
    const contextTokens = kept.done.counts.promptTokens + 6; // one message more would not fit
    const cut = await chat(messages, { contextTokens, overflow: { truncatePrompt: true } });
    expect({ text: cut.text, promptTokens: cut.done.counts.promptTokens }).toEqual({
      text: kept.text,
      promptTokens: kept.done.counts.promptTokens,
    });
    await expect(chat(messages, { contextTokens })).rejects.toMatchObject({ code: "context_overflow" });
  });
});

test("an answer that fills the context ends: a picture is never cut", async () => {
  const runner = await seer("tiny-vision-qwen2vl");
  const request = show(["red"], "?", { maxTokens: 1 });
  const { promptTokens } = (await collect(runner.generate(request))).done.counts;
  const full = { ...request, contextTokens: promptTokens + 8, maxTokens: 500, overflow: { shift: true } };
  const { done } = await collect(runner.generate(full));
  expect(done).toMatchObject({ reason: "length", counts: { completionTokens: 8 } });
});

test("cells of a picture see each other both ways where the model was made so", async () => {
  // Its first cell alone is green; only one that sees the cells after it knows that the picture is red.
  const runner = await seer("tiny-vision-gemma3");
  expect((await collect(runner.generate(show(["green corner"])))).text).toBe("red");
});

test("answers go on while pictures are encoded, each with a part of the threads", async () => {
  const runner = await seer("tiny-vision-qwen2vl", { slots: 4, threads: 2 });
  const texts = Array.from({ length: 2 }, () => runner.generate(chatOf("Who are you?", { maxTokens: 150 })));
  const shown = Object.keys(pictures).map((name) => runner.generate(show([name], "?", { maxTokens: 2 })));
  const said = await Promise.all([...texts, ...shown].map(collect));
  expect(said.slice(0, texts.length).map(({ done }) => done.counts.completionTokens)).toEqual([150, 150]);
  expect((await runner.stats()).mediaEncoded).toBe(shown.length);
});

test("a text may show pictures too, and a prompt may end with one", async () => {
  const runner = await seer("tiny-vision");
  const media: MediaPart[] = [{ type: "image", data: pictureFile("blue") }];
  const ask = (text: string) => collect(runner.generate({ ...textOf(""), input: { kind: "text", text, media } }));
  expect((await ask("<|im_start|>assistant\n")).text).toBe("blue");
  expect((await ask("")).done.counts).toMatchObject({ promptTokens: 16, cachedTokens: 0 });
});

test("what a user writes is never a picture", async () => {
  const runner = await seer("tiny-vision");
  const answer = await collect(runner.generate(chatOf("<__media__> and <__image__>")));
  expect(answer.text).toBe("I see no picture");
});

test("a picture that is cancelled while it waits takes nobody with it", async () => {
  const runner = await seer("tiny-vision", { slots: 1 });
  const large = pictureFile("white");
  const ask = async (signal?: AbortSignal) => await collect(runner.generate(showOf([large], "?"), signal));
  const aborts = Array.from({ length: 6 }, () => new AbortController());
  const cancelled = aborts.map(({ signal }) => ask(signal));
  const kept = ask();
  for (const abort of aborts) abort.abort();
  const codes = await Promise.allSettled(cancelled);
  for (const { status } of codes) expect(status).toBe("rejected");
  expect((await kept).text).toBe("grey");
  expect(await runner.stats()).toMatchObject({ busySlots: 0, queued: 0 });
});

describe("a model that cannot", () => {
  const sound: MediaPart = { type: "audio", data: new Uint8Array(64) };

  test("see says so", async () => {
    const runner = await runnerOf("tiny-hello");
    await expect(collect(runner.generate(show(["red"])))).rejects.toMatchObject({
      code: "invalid_argument",
      message: "model does not support images",
    });
    expect((await collect(runner.generate(chatOf("Hi")))).text).toBe("Hello! I am a tiny model.");
  });

  test("hear says so", async () => {
    for (const runner of [await runnerOf("tiny-hello"), await seer("tiny-vision")]) {
      const request = { ...textOf(""), input: { kind: "text" as const, text: "?", media: [sound] } };
      await expect(collect(runner.generate(request))).rejects.toMatchObject({
        code: "invalid_argument",
        message: "model does not support audio",
      });
    }
  });
});

describe("a projector", () => {
  const load = async (model: string, projector: string) => {
    await using stack = new AsyncDisposableStack();
    const runner = startRunner();
    stack.defer(() => runner.exit());
    const options = { modelPath: modelPath(model), label: "it", contextTokens: 512, slots: 1, gpu: "cpu" } as const;
    return await runner.load({ ...options, projectorPath: projector });
  };

  test("tells what the model can do", async () => {
    const { capabilities } = await load("tiny-vision", projectorPath("tiny-vision"));
    expect(capabilities).toMatchObject({ vision: true, audio: false });
  });

  test("of another model is refused in one line", async () => {
    await expect(load("tiny-hello", projectorPath("tiny-vision"))).rejects.toMatchObject({
      code: "load_failed",
      message: expect.stringMatching(
        /^cannot load it: its multimodal projector cannot be used: mismatch [^\n]*n_embd = 256[^\n]*n_embd = 64/,
      ),
    });
  });

  test("that is none is refused in one line", async () => {
    await expect(load("tiny-vision", modelPath("tiny-hello"))).rejects.toMatchObject({
      message: "cannot load it: its multimodal projector cannot be used: its file is none",
    });
    await expect(load("tiny-vision", join(modelPath("tiny-vision"), "no"))).rejects.toThrow("cannot load it: ");
  });
});
