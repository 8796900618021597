import { expect, test } from "bun:test";
import { chooseFile } from "../../src/hub/choose-file.ts";
import { hubRef } from "./harness.ts";

const repository = (...paths: string[]) => ({
  org: "org",
  name: "name",
  commit: "0".repeat(40),
  files: paths.map((path, index) => ({ path, sizeBytes: 1000 + index })),
});

const choose = (name: string, ...paths: string[]) => {
  const { parts, tag, defaultTag } = chooseFile(repository(...paths), hubRef(name));
  return [parts.map(({ path }) => path).join(" "), tag, defaultTag];
};

const failure = (name: string, ...paths: string[]) => {
  try {
    choose(name, ...paths);
  } catch (error) {
    return (error as Error).message;
  }
  return "no failure";
};

const order = [
  "Q4_K_M",
  "UD-Q4_K_XL",
  "Q4_K_S",
  "IQ4_XS",
  "Q4_0",
  "MXFP4",
  "Q5_K_M",
  "Q6_K",
  "Q8_0",
  "Q3_K_M",
  "BF16",
  "F16",
];

test("the default goes down the list of preferred quantizations, whatever the order of the files", () => {
  for (let from = 0; from < order.length; from++) {
    const paths = order
      .slice(from)
      .map((quant) => `model-${quant}.gguf`)
      .reverse();
    expect(choose("org/name", ...paths)).toEqual([`model-${order[from]}.gguf`, order[from] ?? "", order[from] ?? ""]);
  }
});

test("other quantizations come last, the smallest first; a single file without one is the default by its name", () => {
  expect(choose("org/name", "m-Q2_K.gguf", "m-F16.gguf")).toEqual(["m-F16.gguf", "F16", "F16"]);
  expect(choose("org/name", "m-Q3_K_L.gguf", "m-Q2_K.gguf")).toEqual(["m-Q3_K_L.gguf", "Q3_K_L", "Q3_K_L"]);
  expect(choose("org/name", "ggml-model.gguf")).toEqual(["ggml-model.gguf", "ggml-model", "ggml-model"]);
});

test("an explicit quantization is found in any letter case, in the name or in the folder", () => {
  const paths = ["m-Q4_K_M.gguf", "Q8_0/m.gguf", "m-UD-Q4_K_XL.gguf"];
  expect(choose("org/name:q4_k_m", ...paths)).toEqual(["m-Q4_K_M.gguf", "Q4_K_M", "Q4_K_M"]);
  expect(choose("org/name:q8_0", ...paths)).toEqual(["Q8_0/m.gguf", "Q8_0", "Q4_K_M"]);
  expect(choose("org/name:ud-q4_k_xl", ...paths)).toEqual(["m-UD-Q4_K_XL.gguf", "UD-Q4_K_XL", "Q4_K_M"]);
});

test("two files of one quantization keep apart: the second goes by its own name", () => {
  const paths = ["a-Q4_K_M.gguf", "b-Q4_K_M.gguf", "sub/b-Q4_K_M.gguf"];
  expect(choose("org/name", ...paths)).toEqual(["a-Q4_K_M.gguf", "Q4_K_M", "Q4_K_M"]);
  expect(choose("org/name:b-q4_k_m", ...paths)).toEqual(["b-Q4_K_M.gguf", "b-Q4_K_M", "Q4_K_M"]);
  expect(choose("org/name:sub_b-Q4_K_M", ...paths)).toEqual(["sub/b-Q4_K_M.gguf", "sub_b-Q4_K_M", "Q4_K_M"]);
});

test("an exact file is found by its path or its base name", () => {
  const paths = ["m-Q4_K_M.gguf", "sub/m-Q8_0.gguf"];
  expect(choose("org/name:m-q8_0.gguf", ...paths)).toEqual(["sub/m-Q8_0.gguf", "Q8_0", "Q4_K_M"]);
  expect(choose("https://huggingface.co/org/name/blob/main/sub/m-Q8_0.gguf", ...paths)[0]).toBe("sub/m-Q8_0.gguf");
});

test("projectors, importance matrices and draft heads are no models", () => {
  const beside = ["mmproj-model-Q4_K_M.gguf", "m.imatrix-Q4_K_M.gguf", "mtp-m-Q4_K_M.gguf", "eagle3-m-Q4_K_M.gguf"];
  expect(choose("org/name", ...beside, "m-Q8_0.gguf")).toEqual(["m-Q8_0.gguf", "Q8_0", "Q8_0"]);
  expect(failure("org/name:mmproj-model-Q4_K_M.gguf", ...beside, "m-Q8_0.gguf")).toContain("is not a model file");
});

test("what is not there is answered with what is", () => {
  expect(failure("org/name:Q2_K", "m-Q4_K_M.gguf", "m-Q8_0.gguf")).toBe(
    'model "org/name" has no quantization "Q2_K"; it has Q4_K_M, Q8_0',
  );
  expect(failure("org/name", "README.md")).toBe('model "org/name" has no GGUF file; choose a GGUF repository');
});

const split = (stem: string, count: number, without: number[] = []) =>
  Array.from({ length: count }, (_, index) => index + 1)
    .filter((number) => !without.includes(number))
    .map((number) => `${stem}-${String(number).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.gguf`);

test("a split model is all of its parts in order, by its quantization, by default or by any of its files", () => {
  const parts = split("m-Q8_0", 3);
  const all = [...parts.toReversed(), "m-Q2_K.gguf"];
  const wanted = [parts.join(" "), "Q8_0", "Q8_0"];
  expect(choose("org/name:q8_0", ...all)).toEqual(wanted);
  expect(choose("org/name", ...all)).toEqual(wanted);
  expect(choose("org/name:m-Q8_0-00002-of-00003.gguf", ...all)).toEqual(wanted);
  expect(choose("org/name", ...split("Q4_K_M/m", 2), ...parts)[1]).toBe("Q4_K_M");
});

test("a split model that lacks a part is no choice, and says which one when it is asked for", () => {
  const parts = split("m-Q4_K_M", 3, [2]);
  expect(choose("org/name", ...parts, "m-Q8_0.gguf")[1]).toBe("Q8_0");
  const message = (what: string, complete: string) =>
    `"${what}" is incomplete on the Hub: part 2 of 3 is missing; complete there is ${complete}`;
  expect(failure("org/name:Q4_K_M", ...parts, "m-Q8_0.gguf")).toBe(message("org/name:Q4_K_M", "Q8_0"));
  expect(failure("org/name", ...parts)).toBe(message("org/name", "nothing"));
  expect(failure("org/name:m-Q4_K_M-00001-of-00003.gguf", ...parts)).toContain("part 2 of 3 is missing");
});
