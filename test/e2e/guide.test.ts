import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createWorld, type World } from "./harness.ts";

const root = join(import.meta.dir, "../..");
const guide = readFileSync(join(root, "docs/guide/clients.md"), "utf8");
const blocksOf = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, block = ""]) => block);
const curlLines = blocksOf("sh").flatMap((block) => block.split("\n").filter((line) => line.startsWith("curl ")));

let world: World;
let address: string;
const here = (example: string) => example.replaceAll("http://127.0.0.1:32769", address);

beforeAll(async () => {
  world = await createWorld();
  ({ address } = await world.serve());
  for (const model of ["tiny-hello", "tiny-rank"])
    expect((await world.llmlb(["node", "pull", `llmlb-test/${model}-GGUF`])).exitCode).toBe(0);
});
afterAll(() => world[Symbol.asyncDispose]());

const run = async (command: string[]) => {
  const child = Bun.spawn(command, { env: world.env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exitCode };
};

test.each(blocksOf("js"))("the guide's program answers: %s", async (program) => {
  // The packages are found from the folder of the program, so each import names the project's own.
  const linked = here(program).replace(/from "([^"]+)"/g, (_, name) => `from "${Bun.resolveSync(name, root)}"`);
  const file = join(world.dir, "example.mjs");
  writeFileSync(file, linked);
  const { stdout, stderr } = await run([process.execPath, file]);
  expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: "Hello! I am a tiny model.", stderr: "" });
});

test.if(Bun.which("curl") !== null).each(curlLines)("the guide's command answers: %s", async (line) => {
  const { stdout, exitCode } = await run(["sh", "-c", here(line.replace("curl ", "curl -sf "))]);
  expect({ exitCode, said: /tiny model|relevance_score/.test(stdout) }).toEqual({ exitCode: 0, said: true });
});

test("the guide has examples", () => {
  expect([blocksOf("js").length, curlLines.length]).toEqual([3, 3]);
});
