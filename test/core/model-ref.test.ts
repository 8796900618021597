import { expect, test } from "bun:test";
import { formatModelRef, type ModelRef, parseModelRef, withQuant } from "../../src/core/model-ref.ts";

const hub = (org: string, name: string, more: object = {}): ModelRef => ({ kind: "hub", org, name, ...more });

test.each<[string, ModelRef]>([
  ["org/name", hub("org", "name")],
  ["org/name:Q4_K_M", hub("org", "name", { quant: "Q4_K_M" })],
  ["org/name:q4_k_m", hub("org", "name", { quant: "q4_k_m" })],
  ["org/name:latest", hub("org", "name")],
  ["org/name:model-Q8_0.gguf", hub("org", "name", { file: "model-Q8_0.gguf" })],
  ["org/name@main", hub("org", "name", { revision: "main" })],
  ["org/name:Q8_0@refs/pr/3", hub("org", "name", { quant: "Q8_0", revision: "refs/pr/3" })],
  ["hf.co/org/name", hub("org", "name")],
  ["huggingface.co/org/name:Q8_0", hub("org", "name", { quant: "Q8_0" })],
  ["hf://org/name", hub("org", "name")],
  ["hf:org/name", hub("org", "name")],
  ["https://huggingface.co/org/name", hub("org", "name")],
  ["https://hf.co/org/name/", hub("org", "name")],
  ["https://huggingface.co/org/name/tree/main", hub("org", "name", { revision: "main" })],
  ["https://huggingface.co/org/name/blob/main/a/b.gguf", hub("org", "name", { revision: "main", file: "a/b.gguf" })],
  [
    "https://huggingface.co/org/name/resolve/v1/b.gguf?download=true",
    hub("org", "name", { revision: "v1", file: "b.gguf" }),
  ],
  ["llama3.2-3b", { kind: "alias", alias: "llama3.2-3b" }],
  ["llama3.2-3b:latest", { kind: "alias", alias: "llama3.2-3b" }],
  ["llama3.2-3b:Q8_0", { kind: "alias", alias: "llama3.2-3b", quant: "Q8_0" }],
  ["ollama:llama3.2", { kind: "ollama", name: "llama3.2", tag: "latest" }],
  ["ollama:box:5000/user/model:7b", { kind: "ollama", name: "box:5000/user/model", tag: "7b" }],
  ["ollama:user/model:7b", { kind: "ollama", name: "user/model", tag: "7b" }],
])("%s is understood", (text, expected) => expect(parseModelRef(text)).toEqual(expected));

test.each<[string, string]>([
  ["", "it is empty"],
  [" org/name", "white space"],
  ["org/na me", "white space"],
  ["org/name\n", "white space"],
  ["org\\name", "backslash"],
  ["../../etc/passwd", "expected org/name"],
  ["../passwd", '".."'],
  ["org/..", '".."'],
  ["org/name/more", "expected org/name"],
  ["/name", "organization is empty"],
  ["org/", "name is empty"],
  ["org/name:", 'nothing follows the ":"'],
  ["org/name:../x", "not a quantization"],
  ["org/name@../x", "not a revision"],
  ["org/-name", 'starts or ends with "-"'],
  ["org/name.git", '".git"'],
  ["org/a--b", '"--"'],
  ["örg/name", "letters, digits"],
  [`org/${"a".repeat(97)}`, "longer than 96"],
  ["a".repeat(600), "longer than 512"],
  ["datasets/org/name", "datasets hold no models"],
  ["https://example.com/org/name", "not a Hugging Face host"],
  ["https://huggingface.co/org", "names no org/name"],
  ["https://huggingface.co/org/name/blob/main/%2e%2e%2fx.gguf", "not a relative file path"],
  ["https://huggingface.co/org/name/blob/main/README.md", "not a .gguf file"],
  ["https://huggingface.co/org/name/blob/main", "names no file"],
  ["https://huggingface.co/org/name/%ff", "broken percent escape"],
  ["ollama:", "expected ollama:NAME"],
  ["ollama:../x", "expected ollama:NAME"],
  ["ollama:user/x:5/y", "expected ollama:NAME"],
  ["ollama:x:1:2", "expected ollama:NAME"],
  ["a:b:c", 'more than one ":"'],
])("%p is refused with a reason", (text, reason) => {
  expect(() => parseModelRef(text)).toThrow(reason);
  expect(() => parseModelRef(text)).toThrow(/^invalid model name "/);
});

test("a mirror's URLs are valid when it is the endpoint", () => {
  const url = "http://127.0.0.1:8080/hub/org/name/resolve/main/x.gguf";
  expect(() => parseModelRef(url)).toThrow("not a Hugging Face host");
  expect(parseModelRef(url, "http://127.0.0.1:8080/hub")).toEqual(
    hub("org", "name", { revision: "main", file: "x.gguf" }),
  );
});

test("control characters do not reach the message", () => {
  expect(() => parseModelRef("a\u001b[2Jb")).toThrow('"a\\x1b[2Jb"');
});

test.each(["org/name", "org/name:Q8_0", "alias", "alias:Q8_0", "ollama:x", "ollama:x:7b"])(
  "%s survives a round trip",
  (text) => expect(formatModelRef(parseModelRef(text))).toBe(text),
);

test("a quantization is added to a name that has none", () => {
  const added = (name: string, quant: string) => formatModelRef(withQuant(parseModelRef(name), quant));
  expect(added("org/name", "Q8_0")).toBe("org/name:Q8_0");
  expect(added("org/name@v1", "q8_0")).toBe("org/name:q8_0@v1");
  expect(added("short", "Q8_0")).toBe("short:Q8_0");
  for (const name of ["org/name:Q4_0", "org/name:x.gguf", "short:Q4_0", "ollama:llama3.2"])
    expect(() => added(name, "Q8_0")).toThrow("which names one already");
  for (const quant of ["", "../x", "a/b", "a..b", "x".repeat(101), "Q8 0"])
    expect(() => added("org/name", quant)).toThrow("is not a quantization");
});

test("what is no character, or only shows in an escape, is refused like what is written plainly", () => {
  const url = (path: string) => `https://huggingface.co/org/name/blob/main/${path}`;
  for (const text of ["org/name:\ud800.gguf", "\udfff", url("a%0Ab.gguf"), url("a%20b.gguf"), url("a%5Cb.gguf")])
    expect(() => parseModelRef(text)).toThrow(/^invalid model name "/);
  expect(() => parseModelRef("https://huggingface.co/hf.co/name")).toThrow("a Hub's host stands where");
});
