/** Asks the reference llama-mtmd-cli about every picture and sound of scripts/fixtures and writes test/fixtures/media-expectations.json. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { buildFixtureModels, type FixturePath } from "./fixtures/models.ts";
import { pictureFile, pictures } from "./fixtures/pictures.ts";
import { soundFile, sounds } from "./fixtures/sounds.ts";
import { buildMtmdCli } from "./llama-server.ts";

const target = join(import.meta.dir, "..", "test", "fixtures", "media-expectations.json");
const question = "What colours do you see?";
const maxTokens = 32;
const triesMax = 50;

/** Each picture alone, and some together. */
const seen: string[][] = [
  ...Object.keys(pictures).map((name) => [name]),
  ["red", "blue"],
  ["blue", "green"],
  ["green", "green"],
  ["noisy red", "cyan", "black"],
];

const heard: string[][] = [...Object.keys(sounds).map((name) => [name]), ["low tone", "high tone"]];

interface MediaExpectations {
  /** `<repository>/<file>` as `buildFixtureModels` lays them out. */
  file: string;
  sha256: string;
  projectorSha256: string;
  answers: { shown: string[]; text: string }[];
}

const sha256Of = async (file: string) =>
  createHash("sha256")
    .update(await Bun.file(file).bytes())
    .digest("hex");

/** Its log writes from a thread that the end of the process cuts off: what has no end is asked again. */
const ask = async (command: string[]): Promise<string> => {
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
    const [text, log] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(`${command[0]} failed:\n${log.slice(-2000)}`);
    if (text.startsWith("\n") && text.endsWith("\n\n")) return text.slice(1).replace(/\n+$/, "");
  }
  throw new Error(`${command[0]} never finished what it had to say`);
};

const fileOf = (dir: string, name: string) => join(dir, name in sounds ? `${name}.wav` : `${name}.png`);

const record = async (
  cli: string,
  dir: string,
  { file, projectorFile = "" }: FixturePath,
): Promise<MediaExpectations> => {
  const answers: MediaExpectations["answers"] = [];
  const hears = file.includes("audio");
  for (const shown of hears ? heard : seen) {
    const settings = { "--temp": 0, "-n": maxTokens, "-t": 1, "-c": 2048 };
    const images = shown.flatMap((name) => [hears ? "--audio" : "--image", fileOf(dir, name)]);
    const options = Object.entries(settings).flatMap(([name, value]) => [name, String(value)]);
    const text = await ask([cli, "-m", file, "--mmproj", projectorFile, ...images, "-p", question, ...options]);
    answers.push({ shown, text });
  }
  const [sha256, projectorSha256] = [await sha256Of(file), await sha256Of(projectorFile)];
  return { file: relative(dir, file), sha256, projectorSha256, answers };
};

const dir = await mkdtemp(join(tmpdir(), "llmlb-record-"));
try {
  const cli = await buildMtmdCli();
  for (const name of Object.keys(pictures)) await Bun.write(fileOf(dir, name), pictureFile(name));
  for (const name of Object.keys(sounds)) await Bun.write(fileOf(dir, name), soundFile(name));
  const capable = (await buildFixtureModels(dir)).filter(({ projectorFile }) => projectorFile !== undefined);
  const models: MediaExpectations[] = [];
  for (const path of capable) models.push(await record(cli, dir, path));
  const info = join(import.meta.dir, "..", "node_modules", "node-llama-cpp", "llama", "llama.cpp.info.json");
  const { tag } = await Bun.file(info).json();
  const lines = models.map(({ answers, ...model }) => {
    const each = answers.map((answer) => `    ${JSON.stringify(answer)}`).join(",\n");
    return `${JSON.stringify(model).slice(0, -1)},"answers":[\n${each}\n  ]}`;
  });
  const head = JSON.stringify({ schemaVersion: 1, llamaCpp: tag, question, maxTokens }).slice(0, -1);
  await Bun.write(target, `${head},"models":[\n  ${lines.join(",\n  ")}\n]}\n`);
  console.log(`${models.flatMap((model) => model.answers).length} expectations in ${target}`);
} finally {
  await rm(dir, { recursive: true });
}
