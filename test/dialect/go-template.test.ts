import { expect, test } from "bun:test";
import { AppError } from "../../src/core/errors.ts";
import { renderGoTemplate } from "../../src/dialect/go-template.ts";

const fields = { System: "be brief", Prompt: "hi", Suffix: "" };
const render = (template: string, more = {}) => renderGoTemplate(template, { ...fields, ...more });

test("fields stand where they are named; the answer begins at .Response", () => {
  expect(render("{{ .System }} USER: {{.Prompt}} ASSISTANT: {{ .Response }}</s>\n")).toBe(
    "be brief USER: hi ASSISTANT: ",
  );
  expect(render("[INST] {{ .Prompt }} [/INST]")).toBe("[INST] hi [/INST]");
  expect(render("{{ .Prompt }}", { Prompt: "{{ .System }}" })).toBe("{{ .System }}");
});

test("Ollama's ChatML", () => {
  const chatMl = `{{- if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}{{ if .Prompt }}<|im_start|>user
{{ .Prompt }}<|im_end|>
{{ end }}<|im_start|>assistant
{{ .Response }}<|im_end|>
`;
  const turn = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";
  expect(render(chatMl)).toBe(`<|im_start|>system\nbe brief<|im_end|>\n${turn}`);
  expect(render(chatMl, { System: "" })).toBe(turn);
});

test("if, else if, else, and, or, not, and the end of an answer inside of one", () => {
  const words = "{{ if and .System .Suffix }}both{{ else if or .Suffix .System }}one{{ else }}none{{ end }}";
  expect(render(words)).toBe("one");
  expect(render(words, { Suffix: "x" })).toBe("both");
  expect(render(words, { System: "" })).toBe("none");
  expect(render("{{ if not .Suffix }}a{{ if .Prompt }}b{{ .Response }}c{{ end }}{{ end }}d")).toBe("ab");
});

test("white space is trimmed where a mark says so; comments are nothing", () => {
  expect(render("a \n {{- .Prompt -}} \n b {{/* a comment }} */}}c{{- /* another */ -}} d")).toBe("ahib cd");
});

test.each([
  ["{{ range .Messages }}{{ end }}", "{{ range .Messages }}"],
  ["{{ .Tools }}", "{{ .Tools }}"],
  ["{{ if .System }}x", '{{ if .System }}" has no end'],
  ["{{ if .System }}x{{ else }}y", '{{ if .System }}" has no end'],
  ["x{{ end }}", "{{ end }}"],
  ["{{ if }}x{{ end }}", "{{ if }}"],
  ["{{ if eq .System .Prompt }}x{{ end }}", "{{ if eq .System .Prompt }}"],
  ["{{ if __proto__ .Prompt }}x{{ end }}", "{{ if __proto__ .Prompt }}"],
  ["{{ if constructor .Prompt }}x{{ end }}", "{{ if constructor .Prompt }}"],
  ["{{ .Prompt", "{{ .Prompt"],
  ["{{ .Prompt }}{{/* never closed }}", "{{/* never closed }}"],
  ["{{ }}", "{{ }}"],
  ["{{".repeat(100_000), "{{{{"],
  [`{{${" ".repeat(1_000_000)}`, "{{ "],
  ["{{ if .Prompt }}".repeat(100_000), "more than 32 levels"],
])("%.40s is refused by name", (template, named) => {
  expect(() => render(template)).toThrow(AppError);
  expect(() => render(template)).toThrow(named);
});
