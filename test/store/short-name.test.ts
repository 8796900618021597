import { expect, test } from "bun:test";
import { shortNames } from "../../src/store/short-name.ts";

const table: [repository: string, tag: string, names: string[]][] = [
  ["Llama-3.2-3B-Instruct-GGUF", "Q4_K_M", ["llama3.2-3b", "llama3.2-3b-q4_k_m"]],
  ["Meta-Llama-3.1-8B-Instruct-GGUF", "Q8_0", ["llama3.1-8b", "llama3.1-8b-q8_0"]],
  ["gemma-3-1b-it-GGUF", "Q4_0", ["gemma3-1b", "gemma3-1b-q4_0"]],
  ["Qwen3-4B-Instruct-2507-GGUF", "Q4_K_M", ["qwen3-4b-2507", "qwen3-4b-2507-q4_k_m"]],
  ["Mistral-7B-Instruct-v0.3-GGUF", "Q4_K_M", ["mistral-7b-v0.3", "mistral-7b-v0.3-q4_k_m"]],
  ["phi-4-gguf", "Q4_K_M", ["phi4", "phi4-q4_k_m"]],
  ["SmolLM2-135M-Instruct-GGUF", "Q8_0", ["smollm2-135m", "smollm2-135m-q8_0"]],
  ["tiny-hello-GGUF", "Q8_0", ["tiny-hello", "tiny-hello-q8_0"]],
];

for (const [repository, tag, names] of table)
  test(`${repository} at ${tag} is called ${names[0]}`, () => expect(shortNames(repository, tag)).toEqual(names));
