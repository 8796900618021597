import { expect, test } from "bun:test";
import { AppError } from "../../src/core/errors.ts";
import { childEnvironment } from "../../src/native/child-environment.ts";
import { loadFailure } from "../../src/runner/load-failure.ts";

test("childEnvironment passes what drivers need and no secret", () => {
  const env = { PATH: "/bin", HOME: "/h", CUDA_VISIBLE_DEVICES: "0", GGML_VK_VISIBLE_DEVICES: "1" };
  const kept = {
    ...env,
    HF_TOKEN: "t",
    LLMLB_API_KEY: "k",
    LLMLB_CACHE: "/c",
    BUN_OPTIONS: "x",
    BUN_BE_BUN: "1",
    NODE_OPTIONS: "x",
    NVIDIA_API_KEY: "k",
    LLAMA_API_KEY: "k",
    LLAMA_ARG_HF_TOKEN: "t",
    AWS_SECRET: "s",
    TZ: undefined,
  };
  expect(childEnvironment(kept)).toEqual(env);
});

test("loadFailure tells what a failure means", () => {
  const said = (logged: string, thrown: unknown = new Error("Failed to load model")) => {
    const { code, message } = loadFailure({ modelPath: "/models/a.gguf" }, thrown, logged);
    return [code, message];
  };
  expect(said("error loading model: unknown model architecture: 'zebra'")).toEqual([
    "unsupported",
    'cannot load a.gguf: its architecture "zebra" is not supported by this version of llama.cpp',
  ]);
  expect(said("ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 1")).toEqual([
    "load_failed",
    "cannot load a.gguf: there is not enough memory for it",
  ]);
  expect(said("tensor 'x' data is not within the file bounds, model is corrupted or incomplete")[0]).toBe("corrupt");
  expect(said("", new Error("ENOENT: no such file"))[0]).toBe("model_not_found");
  expect(said("line one\nline two")).toEqual([
    "load_failed",
    "cannot load a.gguf: line one line two (Failed to load model)",
  ]);
  const known = new AppError("corrupt", "known");
  expect(loadFailure({ modelPath: "a" }, known, "")).toBe(known);
});
