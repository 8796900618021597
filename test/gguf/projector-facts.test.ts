import { expect, test } from "bun:test";
import type { GgufHeader } from "../../src/gguf/header.ts";
import { projectorFacts } from "../../src/gguf/projector-facts.ts";
import { memorySource, readGgufHeader } from "../../src/gguf/read-header.ts";
import type { GgufValue } from "../../src/gguf/value.ts";
import { projectorFile } from "../fakes/projector-file.ts";

const sensesOf = (...metadata: [string, GgufValue][]) => {
  const header = { version: 3, tensors: [], alignment: 32, dataOffset: 0, sizeBytes: 0 };
  return projectorFacts({ ...header, metadata: new Map(metadata) } satisfies GgufHeader).senses;
};
const text = (value: string): GgufValue => ({ type: "string", value });
const flag = (value: boolean): GgufValue => ({ type: "bool", value });

test("a projector's header tells its parameters and its senses", async () => {
  const header = await readGgufHeader(memorySource(projectorFile({ vision: true })));
  expect(projectorFacts(header)).toEqual({ parameterCount: 64, senses: ["vision"] });
});

const clip: [string, GgufValue] = ["general.architecture", text("clip")];
const mlp: [string, GgufValue] = ["clip.projector_type", text("mlp")];

test.each([
  [
    "both",
    [clip, ["clip.has_vision_encoder", flag(true)], ["clip.has_audio_encoder", flag(true)]],
    ["vision", "audio"],
  ],
  ["sounds alone", [clip, ["clip.has_vision_encoder", flag(false)], ["clip.has_audio_encoder", flag(true)]], ["audio"]],
  ["sounds, without a word on pictures", [clip, mlp, ["clip.has_audio_encoder", flag(true)]], ["audio"]],
  ["only its type: an early one", [clip, mlp], ["vision"]],
  ["nothing", [clip], []],
  ["a model", [["general.architecture", text("llama")], mlp], []],
  ["a flag that is none", [clip, mlp, ["clip.has_vision_encoder", text("true")]], []],
] as [string, [string, GgufValue][], string[]][])("what it names: %s", (_, metadata, senses) => {
  expect<string[]>(sensesOf(...metadata)).toEqual(senses);
});
