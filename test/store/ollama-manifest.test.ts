import { expect, test } from "bun:test";
import { parseOllamaConfig, parseOllamaManifest, parseParameterSize } from "../../src/store/ollama-manifest.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const layer = (kind: string, letter: string, size = 10) => ({
  mediaType: `application/vnd.ollama.image.${kind}`,
  digest: digest(letter),
  size,
});
const parse = (value: unknown) => parseOllamaManifest(JSON.stringify(value));

test("a manifest as Ollama writes it", () => {
  const kinds = ["model", "projector", "adapter", "template", "params", "system", "license", "license", "messages"];
  const manifest = parse({
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { mediaType: "application/vnd.docker.container.image.v1+json", digest: digest("c"), size: 500 },
    layers: kinds.map((kind, index) => layer(kind, String(index), 100)),
  });
  expect(manifest).toMatchObject({ config: digest("c"), sizeBytes: 1400 });
  expect(typeof manifest === "string" ? manifest : manifest.layers.map(({ kind }) => kind)).toEqual(kinds as never);
});

test("unknown layers are left out and still count; a parameter of the media type and the old name do not matter", () => {
  const [tensor, model, prompt] = [layer("tensor", "1", 7), layer("model", "2"), layer("prompt", "3")];
  expect(parse({ layers: [tensor, { ...model, mediaType: `${model.mediaType}; version=2` }, prompt] })).toEqual({
    layers: [
      { kind: "model", digest: digest("2"), sizeBytes: 10 },
      { kind: "template", digest: digest("3"), sizeBytes: 10 },
    ],
    sizeBytes: 27,
  });
});

test.each<[string, unknown]>([
  ["no layers", {}],
  ["null layers", { layers: null }],
  ["a config without a digest", { config: { size: -4 }, layers: [] }],
  ["a config digest that is a path", { config: { digest: "sha256:../../../etc/passwd" }, layers: [] }],
  ["layers of every wrong kind", { layers: [null, 3, "x", [], {}, { mediaType: "constructor", digest: digest("a") }] }],
  ["a layer that is a path", { layers: [{ ...layer("model", "a"), digest: `sha256:${"../".repeat(21)}a`, size: 0 }] }],
  ["a layer of another hash", { layers: [{ ...layer("model", "a"), digest: `md5:${"a".repeat(32)}`, size: "10" }] }],
])("%s: a model without files", (_, value) => expect(parse(value)).toEqual({ layers: [], sizeBytes: 0 }));

test.each(["", "{", "[]", "null", '"x"', '{"layers":3}', "\u0000\u0001", '{"layers":"model"}'])(
  "%j is no manifest",
  (text) => expect(parseOllamaManifest(text)).toBeString(),
);

test("the config blob tells what the listing shows; a broken one tells nothing", () => {
  const config = { model_format: "gguf", model_family: "llama", model_type: "3.2B", file_type: "Q4_K_M" };
  const read = { format: "gguf", family: "llama", parameterSize: "3.2B", quantization: "Q4_K_M" };
  expect(parseOllamaConfig(JSON.stringify(config))).toEqual(read);
  expect(parseOllamaConfig(JSON.stringify({ ...config, remote_host: "https://ollama.com" }))).toEqual({
    ...read,
    remoteHost: "https://ollama.com",
  });
  const nothing = { format: "", family: "", parameterSize: "", quantization: "" };
  for (const text of ["", "{", "[]", '{"model_format":1,"model_family":{},"file_type":null}'])
    expect(parseOllamaConfig(text)).toEqual(nothing);
  expect(parseOllamaConfig(JSON.stringify({ model_family: "x".repeat(1e6) })).family).toHaveLength(200);
});

test.each([
  ["3.2B", 3_200_000_000],
  ["494.03M", 494_030_000],
  ["137M", 137_000_000],
  ["8x7B", 0],
  ["", 0],
  ["lots", 0],
])("parameter size %j", (text, count) => expect(parseParameterSize(text)).toBe(count));
