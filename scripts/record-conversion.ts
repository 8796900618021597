/**
 * Has llama.cpp's own converter convert every tiny repository, and writes what came out to test/fixtures/conversion-oracle.json.
 * Needs a Python with torch, numpy, transformers, sentencepiece, gguf, safetensors and protobuf:
 * `bun scripts/record-conversion.ts PYTHON [NAME...]`; with names those alone are recorded anew.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeRepository } from "./fixtures/build-repository.ts";
import { digestGguf, type GgufDigest } from "./fixtures/gguf-digest.ts";
import { multilingualTexts } from "./fixtures/multilingual.ts";
import { tinyRepositories } from "./fixtures/tiny-repositories.ts";
import { tokenDigest, tokenizedRepositories, zeroEnded } from "./fixtures/token-digest.ts";
import { checkOutLlamaSources } from "./native/llama-sources.ts";

const root = join(import.meta.dir, "..");
const target = join(root, "test", "fixtures", "conversion-oracle.json");
const nodeLlamaCppDir = join(root, "node_modules", "node-llama-cpp");
const tokenizer = join(import.meta.dir, "tokenize-texts.py");
const packages = ["gguf", "numpy", "safetensors", "sentencepiece", "tokenizers", "torch", "transformers"];
const convertTimeoutMs = 300_000;

export interface ConversionOracle {
  provenance: { llamaCpp: string; recorded: string; packages: Record<string, string> };
  repositories: Record<string, GgufDigest>;
  /** Of those that see, what makes them see. */
  projectors: Record<string, { BF16: GgufDigest; F16: GgufDigest }>;
  /** Digests of the token ids that the repository's own tokenizer gives `multilingualTexts`, in their order. */
  tokens: Record<string, string>;
}

export const run = async (command: string[], stdin = new Uint8Array(0)): Promise<string> => {
  const child = Bun.spawn(command, { stdin, stdout: "pipe", stderr: "pipe", timeout: convertTimeoutMs });
  const [output, log] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${log.slice(-4000)}`);
  return output;
};

const versions = async (python: string): Promise<Record<string, string>> => {
  const code = `import importlib.metadata as m; print("\\n".join(m.version(p) for p in ${JSON.stringify(packages)}))`;
  const lines = (await run([python, "-c", code])).trim().split("\n");
  return Object.fromEntries(packages.map((name, index) => [name, lines[index] ?? ""]));
};

export const provenanceOf = async (python: string): Promise<ConversionOracle["provenance"]> => {
  const { tag } = await Bun.file(join(nodeLlamaCppDir, "llama", "llama.cpp.info.json")).json();
  return { llamaCpp: tag, recorded: new Date().toISOString().slice(0, 10), packages: await versions(python) };
};

const record = async (python: string, chosen: readonly string[]): Promise<ConversionOracle> => {
  const sources = await checkOutLlamaSources(nodeLlamaCppDir, join(root, "build", "llama.cpp"));
  const dir = await mkdtemp(join(tmpdir(), "llmlb-conversion-"));
  const repositories: Record<string, GgufDigest> = {};
  const projectors: ConversionOracle["projectors"] = {};
  const tokens: Record<string, string> = {};
  try {
    for (const repository of tinyRepositories.filter(({ name }) => chosen.length === 0 || chosen.includes(name))) {
      const source = await writeRepository(repository, join(dir, repository.name));
      const convert = async (type: string, ...more: string[]): Promise<GgufDigest> => {
        const output = join(dir, "converted.gguf");
        const converter = join(sources, "convert_hf_to_gguf.py");
        await run([python, converter, source, "--outfile", output, "--outtype", type, ...more]);
        const [file = ""] = (await readdir(dir)).filter((name) => name.endsWith("converted.gguf")); // of a projector with a prefix
        const digest = await digestGguf(join(dir, file));
        await rm(join(dir, file));
        return digest;
      };
      repositories[repository.name] = await convert("bf16");
      if (repository.hasProjector)
        projectors[repository.name] = {
          BF16: await convert("bf16", "--mmproj"),
          F16: await convert("f16", "--mmproj"),
        };
      if (tokenizedRepositories.some((name) => name === repository.name)) {
        const rows = await run([python, tokenizer, source], zeroEnded(multilingualTexts));
        tokens[repository.name] = rows.split("\n").slice(0, -1).map(tokenDigest).join(" ");
      }
      console.log(repository.name);
      await rm(source, { recursive: true });
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return { provenance: await provenanceOf(python), repositories, projectors, tokens };
};

if (import.meta.main) {
  const [python = "python3", ...chosen] = process.argv.slice(2);
  const recorded = await record(python, chosen);
  const before: ConversionOracle = chosen.length > 0 ? await Bun.file(target).json() : recorded;
  const merged = {
    ...recorded,
    repositories: { ...before.repositories, ...recorded.repositories },
    projectors: { ...before.projectors, ...recorded.projectors },
    tokens: { ...before.tokens, ...recorded.tokens },
  };
  await Bun.write(target, `${JSON.stringify(merged, null, 1)}\n`);
}
