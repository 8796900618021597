import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { followScreen } from "../fakes/cli-process.ts";
import { createWorld, type World } from "./harness.ts";

/** Real shells, each with a script of the executable, on a pseudo-terminal where it has to be one. */
let world: World;
const hello = "llmlb-test/tiny-hello-GGUF:Q8_0"; // not its default, so that its name has a colon

beforeAll(async () => {
  world = await createWorld();
  const pulled = await world.llmlb(["node", "pull", hello, "--local"], { env: { LLMLB_HOST: "127.0.0.1:1" } });
  if (pulled.exitCode !== 0) throw new Error(pulled.stderr);
  mkdirSync(join(world.dir, "keys"));
  writeFileSync(join(world.dir, "keys/my.pem"), "");
});
afterAll(() => world[Symbol.asyncDispose]());

const environment = () => ({
  ...world.env,
  LLMLB_HOST: "127.0.0.1:1", // nobody answers: names come from the store
  PATH: `${dirname(world.executable)}:${process.env.PATH}`,
  TERM: "xterm",
  PS1: "$ ",
});

const ask = async (words: string[], env: Record<string, string> = {}) => {
  const { stdout, stderr, exitCode } = await world.llmlb(["__complete", ...words], {
    env: { ...environment(), ...env },
  });
  return { lines: stdout.trimEnd().split("\n"), stderr, exitCode };
};

describe("llmlb __complete", () => {
  test("without a node the names come from the store, short ones and whole ones", async () => {
    const { lines } = await ask(["2", "node", "run", ""]);
    expect(lines.map((line) => line.split("\t")[0])).toEqual(["tiny-hello", hello]);
    expect((await ask(["2", "node", "run", "LLMLB-TEST/"])).lines[0]).toStartWith(hello);
  });

  test.each<[string[], Record<string, string>]>([
    [["2", "node", "run", ""], { LLMLB_GPU: "amd" }],
    [["1", "nonsense"], {}],
  ])("%p with %p fails without a word", async (words, env) => {
    expect(await ask(words, env)).toMatchObject({ stderr: "", exitCode: 0 });
  });
});

/** What a shell makes of a line and a tab: Ctrl+A goes to its beginning, where an `echo` is put before it. */
const complete = async (command: string[], script: string, typed: string, line: string) => {
  const home = mkdtempSync(join(world.dir, "home-"));
  const screen = followScreen(200);
  const env = { ...environment(), HOME: home };
  const child = Bun.spawn(command, { cwd: world.dir, env, terminal: screen.options });
  try {
    child.terminal?.write(`${script}; echo rea""dy\n`);
    await screen.until("ready");
    child.terminal?.write(`${typed}\t\x01echo it is \n`);
    await screen.until(`\nit is ${line.trimEnd()}\r\n`);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
};

/** A line that is typed up to a tab, and what it then is. */
const completed: [string, string][] = [
  ["llmlb comp", "llmlb completion "],
  ["llmlb node sh", "llmlb node show "],
  ["llmlb router serve --pol", "llmlb router serve --policy "],
  ["llmlb router serve --policy=l", "llmlb router serve --policy=least-busy "],
  ["llmlb node run llmlb-test/ti", `llmlb node run ${hello} `],
  ["llmlb node run llmlb-test/tiny-hello-GGUF:", `llmlb node run ${hello} `],
  ["llmlb node rm a llmlb-test/tiny-hello-GGUF:Q", `llmlb node rm a ${hello} `],
  ["llmlb node serve --tls-key keys/m", "llmlb node serve --tls-key keys/my.pem "],
  ["llmlb node serve --tls-key=keys/m", "llmlb node serve --tls-key=keys/my.pem "],
];

const shells: [string, string[], string][] = [
  [
    "bash",
    ["bash", "--norc", "--noprofile", "-i"],
    "bind 'set enable-bracketed-paste off'; eval \"$(llmlb completion bash)\"",
  ],
  [
    "zsh",
    ["zsh", "-f", "-i"],
    "autoload -U compinit; compinit -u -D; zstyle ':completion:*' insert-tab false; source <(llmlb completion zsh)",
  ],
];

describe.each(shells)("%s", (name, command, script) => {
  describe.skipIf(!Bun.which(name))("in a terminal", () => {
    test.each(completed)("%p becomes %p", async (typed, line) => await complete(command, script, typed, line));
  });
});

describe.skipIf(!Bun.which("fish"))("fish", () => {
  test.each(completed)("%p becomes %p", async (typed, line) => {
    const script = `llmlb completion fish | source; complete -C '${typed}'`;
    const env = { ...environment() };
    const child = Bun.spawn(["fish", "--no-config", "-c", script], { cwd: world.dir, env });
    const stdout = await child.stdout.text();
    const words = stdout
      .trim()
      .split("\n")
      .map((one) => one.split("\t")[0] ?? "");
    expect(words).toEqual([line.trim().split(" ").at(-1) ?? ""]);
  });
});

describe.skipIf(!Bun.which("shellcheck"))("shellcheck", () => {
  test("has nothing to say of bash's script", async () => {
    const { stdout } = await world.llmlb(["completion", "bash"]);
    const { exitCode, stdout: said } = Bun.spawnSync(["shellcheck", "-s", "bash", "-"], { stdin: new Blob([stdout]) });
    expect([exitCode, String(said)]).toEqual([0, ""]);
  });
});
