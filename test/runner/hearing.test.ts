/** What llama-mtmd-cli said to the same sounds (scripts/record-media-expectations.ts). */
import { expect, test } from "bun:test";
import { pictureFile } from "../../scripts/fixtures/pictures.ts";
import { soundFile, sounds } from "../../scripts/fixtures/sounds.ts";
import type { ContentPart, GenerationRequest, MediaPart } from "../../src/core/generation.ts";
import recorded from "../fixtures/media-expectations.json";
import { collect, fixtures, loadedRunners, textOf } from "./start-runner.ts";

const { modelPath, projectorPath } = fixtures();
const runnerOf = loadedRunners(modelPath);
const listener = () =>
  runnerOf("tiny-audio", { projectorPath: projectorPath("tiny-audio"), contextTokens: 2048, threads: 1, slots: 2 });

const soundsOf = (names: string[]): ContentPart[] => [
  ...names.map((name) => ({ type: "audio", data: soundFile(name) }) as const),
  { type: "text", text: recorded.question },
];

const hear = (names: string[]): GenerationRequest => ({
  input: { kind: "chat", messages: [{ role: "user", content: soundsOf(names) }] },
  sampling: { temperature: 0 },
  maxTokens: recorded.maxTokens,
});

test("every sound is answered as llama-mtmd-cli answers it, and none is encoded twice", async () => {
  const runner = await listener();
  const answers = recorded.models.find(({ file }) => file.includes("tiny-audio"))?.answers ?? [];
  for (const { shown, text } of answers) {
    const answer = await collect(runner.generate(hear(shown)));
    expect({ shown, text: answer.text }).toEqual({ shown, text });
  }
  expect((await runner.stats()).mediaEncoded).toBe(Object.keys(sounds).length);
});

test("what is no sound, or claims to last for hours, is refused", async () => {
  const runner = await listener();
  const sound = soundFile("silence");
  const long = sound.slice();
  new DataView(long.buffer).setUint32(24, 1, true); // one sample a second
  for (const data of [long, sound.slice(0, 60), sound.with(0, 0), pictureFile("red"), new Uint8Array()]) {
    const media: MediaPart[] = [{ type: "audio", data }];
    const request: GenerationRequest = { ...textOf(""), input: { kind: "text", text: "?", media } };
    await expect(collect(runner.generate(request))).rejects.toMatchObject({
      code: "invalid_argument",
      message: "audio 1 is no WAV, MP3 or FLAC file of at most one hour",
    });
  }
  await expect(collect(runner.generate({ ...hear([]), input: pictured }))).rejects.toMatchObject({
    code: "invalid_argument",
    message: "model does not support images",
  });
});

const pictured: GenerationRequest["input"] = {
  kind: "text",
  text: "?",
  media: [{ type: "image", data: pictureFile("red") }],
};
