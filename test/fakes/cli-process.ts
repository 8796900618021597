import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const mainFile = join(import.meta.dir, "../../src/main.ts");

export interface CliOptions {
  env?: Record<string, string>;
  stdin?: string;
}

export interface Finished {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** Runs the CLI from source in a home folder of its own. */
export interface CliWorld extends Disposable {
  home: string;
  env: Record<string, string>;
  run(words: readonly string[], options?: CliOptions): Promise<Finished>;
  /** Through `sh -c`, where `$LLMLB` is the CLI: for pipes and redirections. */
  shell(script: string, options?: CliOptions): Promise<Finished>;
  /** On a pseudo-terminal. */
  terminal(words: readonly string[], options?: { env?: Record<string, string>; columns?: number }): TerminalProcess;
}

export interface TerminalProcess {
  /** Everything on the screen's line so far, escape sequences included. */
  output(): string;
  /** Resolves once `text` has appeared after what earlier calls waited for. */
  until(text: string): Promise<void>;
  write(keys: string): void;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<number>;
}

export const openCliWorld = (host: string): CliWorld => {
  const home = mkdtempSync(join(tmpdir(), "llmlb-cli-"));
  const env: Record<string, string> = { PATH: process.env.PATH ?? "", HOME: home, LLMLB_HOST: host };
  const command = [process.execPath, mainFile];
  const children: Bun.Subprocess[] = [];
  const finish = async (cmd: string[], options: CliOptions): Promise<Finished> => {
    const child = Bun.spawn(cmd, {
      cwd: home,
      env: { ...env, ...options.env },
      stdin: options.stdin === undefined ? "ignore" : new Blob([options.stdin]),
      stdout: "pipe",
      stderr: "pipe",
    });
    children.push(child);
    const [stdout, stderr, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    return { stdout, stderr, exitCode };
  };
  return {
    home,
    env,
    run: (words, options = {}) => finish([...command, ...words], options),
    shell: (script, options = {}) =>
      finish(["bash", "-c", script], { ...options, env: { LLMLB: command.join(" "), ...options.env } }),
    terminal(words, { env: more = {}, columns = 80 } = {}) {
      const screen = followScreen(columns);
      const child = Bun.spawn([...command, ...words], {
        cwd: home,
        env: { ...env, TERM: "xterm-256color", ...more },
        terminal: screen.options, // not a Bun.Terminal made before: that is nobody's controlling terminal, so Ctrl+C would do nothing
      });
      children.push(child);
      return {
        output: screen.output,
        until: screen.until,
        write: (keys) => void child.terminal?.write(keys),
        kill: (signal) => child.kill(signal),
        exited: child.exited,
      };
    },
    [Symbol.dispose]() {
      for (const child of children) child.kill("SIGKILL");
      rmSync(home, { recursive: true, force: true });
    },
  };
};

/** Collects what a pseudo-terminal shows; `until` waits for a text after what it waited for before. */
export const followScreen = (columns: number) => {
  const decoder = new TextDecoder();
  let text = "";
  let seen = 0;
  let wake = () => {};
  const options: Bun.TerminalOptions = {
    cols: columns,
    rows: 24,
    data(_terminal, data) {
      text += decoder.decode(data, { stream: true });
      wake();
    },
  };
  return {
    options,
    output: () => text,
    async until(wanted: string) {
      for (;;) {
        const found = text.indexOf(wanted, seen);
        if (found !== -1) {
          seen = found + wanted.length;
          return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
};
