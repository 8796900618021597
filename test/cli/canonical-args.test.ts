import { expect, test } from "bun:test";
import { asksForHelp } from "../../src/cli/canonical-args.ts";
import { type ArgValues, command } from "../../src/cli/command.ts";
import type { CliContext } from "../../src/cli/context.ts";

const args = {
  model: { type: "positional" },
  prompt: { type: "positional", required: false, many: true },
  think: { type: "string", implied: "true" },
  host: { type: "string", alias: "H" },
  json: { type: "boolean", alias: "j" },
} as const;

const parse = async (...words: string[]): Promise<ArgValues<typeof args>> => {
  const seen: ArgValues<typeof args>[] = [];
  const probe = command({ args, examples: [], run: async (values) => void seen.push(values) });
  expect(await probe.run("probe", words, {} as CliContext)).toBe(0);
  const [values] = seen;
  if (!values) throw new Error("the command did not run");
  return values;
};

const nothing = { prompt: [], think: undefined, host: undefined, json: false };

test.each<[string[], Partial<ArgValues<typeof args>>]>([
  [["m"], { model: "m" }],
  [["m", "why", "blue"], { model: "m", prompt: ["why", "blue"] }],
  [["m", "--think", "why"], { model: "m", think: "true", prompt: ["why"] }],
  [["m", "--think=high", "why"], { model: "m", think: "high", prompt: ["why"] }],
  [["--host", "h", "m"], { model: "m", host: "h" }],
  [["--host=h=1", "m"], { model: "m", host: "h=1" }],
  [["-H", "h", "m", "-j"], { model: "m", host: "h", json: true }],
  [["-H=h", "m"], { model: "m", host: "h" }],
  [["--host", "-1s", "m"], { model: "m", host: "-1s" }],
  [["--host=--odd", "m"], { model: "m", host: "--odd" }],
  [["--host=", "m"], { model: "m", host: "" }],
  [["--host", "a", "m", "--host", "b"], { model: "m", host: "b" }],
  [["--json=false", "m"], { model: "m", json: false }],
  [["m", "--", "--think", "-x"], { model: "m", prompt: ["--think", "-x"] }],
  [["m", "-", "two\nlines"], { model: "m", prompt: ["-", "two\nlines"] }],
])("%j", async (words, values) => {
  expect(await parse(...words)).toEqual({ ...nothing, model: "", ...values });
});

test("--help asks for help unless it is a value or comes after --", () => {
  expect(asksForHelp(["m", "--help"], args)).toBe(true);
  expect(asksForHelp(["--think", "-h"], args)).toBe(true);
  expect(asksForHelp(["--host", "--help"], args)).toBe(false);
  expect(asksForHelp(["m", "--", "--help"], args)).toBe(false);
});
