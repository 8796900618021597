import { describe, expect, test } from "bun:test";
import { type CommandEntry, type CommandGroup, rootGroup } from "../../src/cli/command-table.ts";
import type { CliContext } from "../../src/cli/context.ts";
import type { Output } from "../../src/cli/output.ts";
import { runCli } from "../../src/cli/run-cli.ts";
import { AppError } from "../../src/core/errors.ts";
import { parseModelRef } from "../../src/core/model-ref.ts";
import { version } from "../../src/core/version.ts";

const memoryOutput = (): Output & { text: string } => {
  const output = {
    text: "",
    isTty: false,
    columns: 80,
    rows: 24,
    write: async (piece: string) => {
      output.text += piece;
    },
    drain: async () => undefined,
  };
  return output;
};

/** Runs a command line that needs no server; a call for one would be a failure of the check under test. */
const runWords = async (...words: string[]) => {
  const stdout = memoryOutput();
  const context: CliContext = {
    stdout,
    stderr: memoryOutput(),
    colors: false,
    environment: {},
    parseModel: parseModelRef,
    config: () => {
      throw new Error("no settings here");
    },
    client: () => {
      throw new Error("no server here");
    },
    routerConnection: () => {
      throw new Error("no router here");
    },
  };
  try {
    const exitCode = await runCli(words, context);
    return { stdout: stdout.text, exitCode };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { stdout: stdout.text, error: error.message, exitCode: error.exitCode };
  }
};

const commandsOf = (name: string, group: CommandGroup): [string, CommandEntry][] =>
  Object.entries<CommandEntry | CommandGroup>(group.commands).flatMap(([word, entry]) =>
    "commands" in entry ? commandsOf(`${name} ${word}`, entry) : ([[`${name} ${word}`, entry]] as const),
  ) as [string, CommandEntry][];

describe("help", () => {
  test.each(commandsOf("llmlb", rootGroup))("%s explains itself with an example of its own", async (name, entry) => {
    const words = name.split(" ").slice(1);
    const { stdout, exitCode } = await runWords(...words, "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toStartWith(`${entry.description}.\n\nUsage:\n  ${name}`);
    expect(stdout).toContain("-h, --help");
    const examples = stdout.slice(stdout.indexOf("Examples:")).split("\n").slice(1).filter(Boolean);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) expect(example).toContain(name);
    expect(stdout).not.toContain("\x1b");
    expect(await runWords(...words, "-h")).toEqual({ stdout, exitCode });
    expect(await runWords("help", ...words)).toEqual({ stdout, exitCode });
  });

  test("the commands of the contract are there", () => {
    const names = (group: string) =>
      commandsOf("llmlb", rootGroup).flatMap(([name]) => (name.startsWith(group) ? name.slice(group.length) : []));
    expect(names("llmlb node ").sort()).toEqual(["cp", "list", "ps", "pull", "rm", "run", "serve", "show", "stop"]);
    expect(names("llmlb router ")).toEqual(
      ["serve", "nodes", "models", "status", "add", "remove", "drain"].concat(
        ["token create", "token list", "token revoke"],
        ["key create", "key list", "key revoke"],
      ),
    );
  });

  test("llmlb alone prints help, llmlb node lists its commands", async () => {
    const root = await runWords();
    expect(root.stdout).toContain("Usage:\n  llmlb <command>");
    expect(await runWords("--help")).toEqual(root);
    for (const [name] of commandsOf("llmlb", rootGroup)) {
      const [, ...words] = name.split(" ");
      const group = await runWords(...words.slice(0, -1));
      expect(group.exitCode).toBe(0);
      expect(group.stdout).toContain(`\n  ${words.at(-1)} `);
    }
  });

  test("a word after -- is no call for help", async () => {
    expect(await runWords("node", "stop", "--", "--help")).toMatchObject({ exitCode: 1 });
  });

  test.each([["--version"], ["-v"]])("%s", async (flag) => {
    expect(await runWords(flag)).toEqual({ stdout: `llmlb ${version}\n`, exitCode: 0 });
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe("mistakes are one line", () => {
  test.each<[string, string]>([
    ["nod", 'unknown command "nod"; did you mean "node"?'],
    ["run", 'unknown command "run"; did you mean "llmlb node run"?'],
    ["nodes", 'unknown command "nodes"; did you mean "llmlb router nodes"?'],
    ["ls", 'unknown command "ls"; did you mean "llmlb node ls"?'],
    ["frobnicate", 'unknown command "frobnicate"; see "llmlb --help"'],
    ["toString", 'unknown command "toString"; see "llmlb --help"'],
    ["__proto__", 'unknown command "__proto__"; see "llmlb --help"'],
    ["node constructor", 'unknown command "constructor"; see "llmlb node --help"'],
    ["node sevre", 'unknown command "sevre"; did you mean "serve"?'],
    ["--verison", 'unknown flag "--verison"; did you mean "--version"?'],
    ["node --jsn", 'unknown flag "--jsn"; see "llmlb node --help"'],
    ["node list --jsn", 'unknown flag "--jsn"; did you mean "--json"?'],
    ["node list --jsn=1", 'unknown flag "--jsn"; did you mean "--json"?'],
    ["node serve --pord 8080", 'unknown flag "--pord"; did you mean "--port"?'],
    ["node serve --no-host", 'unknown flag "--no-host"; did you mean "--host"?'],
    ["node list -x", 'unknown flag "-x"'],
    ["node list --toString", 'unknown flag "--toString"'],
    ["node serve --port", 'flag "--port" needs a value'],
    ["node serve --host --port 1", 'flag "--host" needs a value'],
    ["node list --json=maybe", 'flag "--json" takes no value, or true or false; got "maybe"'],
    ["node show", "missing argument MODEL; usage: llmlb node show MODEL [flags]"],
    ["node stop", "missing argument MODEL; usage: llmlb node stop MODEL"],
    ["node rm", "missing argument MODEL; usage: llmlb node rm MODEL..."],
    ["node run", "missing argument MODEL; usage: llmlb node run MODEL [PROMPT...] [flags]"],
    ["node stop a b", 'unexpected argument "b"; usage: llmlb node stop MODEL'],
    ["completion tcsh", 'unknown shell "tcsh": expected bash, zsh, fish, powershell'],
    ["node ps a", 'unexpected argument "a"; usage: llmlb node ps [flags]'],
  ])("llmlb %s", async (line, error) => {
    expect(await runWords(...line.split(" "))).toEqual({ stdout: "", error, exitCode: 1 });
  });
});
