import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReleaseServer, startReleaseServer } from "./release.ts";

export const installScript = join(import.meta.dir, "../../install.sh");

export interface Shell {
  name: string;
  command: string[];
  /** Its tools are BusyBox's too. */
  busybox: boolean;
  present: boolean;
}

const busybox = Bun.which("busybox");

export const shells: Shell[] = [
  { name: "dash", command: ["dash"], busybox: false, present: Bun.which("dash") !== null },
  { name: "bash", command: ["bash"], busybox: false, present: Bun.which("bash") !== null },
  { name: "busybox sh", command: ["busybox", "sh"], busybox: true, present: busybox !== null },
];

/** What the script may call. */
const toolNames = [
  "cat",
  "cp",
  "find",
  "grep",
  "gzip",
  "head",
  "ln",
  "ls",
  "mkdir",
  "mv",
  "readlink",
  "rm",
  "rmdir",
  "sed",
].concat(["sha256sum", "sync", "tar", "uname", "curl", "getconf", "ldconfig", "ldd"]);

/** What BusyBox as Debian and Alpine have it brings of these. */
const busyboxTools = new Set(toolNames.slice(0, toolNames.indexOf("curl")));

export interface RunOptions {
  shell?: Shell;
  args?: string[];
  env?: Record<string, string | undefined>;
  /** Tools that the machine does not have. */
  without?: string[];
  /** Tools in place of the machine's: shell scripts, or paths of others. */
  tools?: Record<string, string>;
  /** Given to the shell on its standard input instead of the file's name. */
  stdin?: string;
  /** Goes before the shell, such as `setpriv ...`. */
  prefix?: string[];
  /** A shell line that runs before the script. */
  before?: string;
}

export interface InstallWorld extends AsyncDisposable {
  home: string;
  /** Where llmlb is installed unless a test says otherwise. */
  root: string;
  server: ReleaseServer;
  /** Runs install.sh as on a machine that has only the tools it needs. */
  run(options?: RunOptions): Promise<{ stdout: string; stderr: string; exitCode: number; killed: boolean }>;
  /** What `llmlb --version` says; undefined where nothing is installed. */
  installedVersion(): string | undefined;
  receipt(): Record<string, unknown>;
  /** Text of a file below the home folder; undefined where there is none. */
  read(path: string): string | undefined;
  /** Makes the home folder empty. */
  reset(): void;
}

export const openInstallWorld = async (): Promise<InstallWorld> => {
  const base = mkdtempSync(join(tmpdir(), "llmlb-install-"));
  const home = join(base, "home");
  const root = join(home, ".local");
  const server = await startReleaseServer();
  chmodSync(base, 0o755); // another user looks in
  let folders = 0;
  const toolFolder = (shell: Shell, { without = [], tools = {} }: RunOptions): string => {
    const folder = join(base, `tools-${++folders}`);
    mkdirSync(folder);
    const link = (name: string, target: string | null) => target && symlinkSync(target, join(folder, name));
    const names = toolNames.filter((name) => !without.includes(name) && !(name in tools));
    for (const name of names) link(name, shell.busybox && busyboxTools.has(name) ? busybox : realTool(name));
    for (const [name, content] of Object.entries(tools)) {
      if (content.startsWith("/")) link(name, content);
      else writeFileSync(join(folder, name), `#!/bin/sh\n${content}\n`, { mode: 0o755 });
    }
    return folder;
  };
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(join(home, path), "utf8");
    } catch {
      return undefined;
    }
  };
  const reset = () => {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home);
  };
  reset();
  return {
    home,
    root,
    server,
    reset,
    read,
    receipt: () => JSON.parse(read(".local/lib/llmlb/install.json") ?? "{}"),
    installedVersion() {
      try {
        readlinkSync(join(root, "bin/llmlb"));
      } catch {
        return undefined;
      }
      const { stdout } = Bun.spawnSync([join(root, "bin/llmlb"), "--version"]);
      return stdout
        .toString()
        .trim()
        .replace(/^llmlb /, "");
    },
    async run(options = {}) {
      const { shell = shells[0] as Shell, args = [], stdin, prefix = [], before } = options;
      const start = before === undefined ? [] : ["/bin/sh", "-c", `${before}; exec "$@"`, "sh"];
      const [command = "", ...rest] = shell.command;
      const script = stdin === undefined ? [installScript, ...args] : ["-s", "--", ...args];
      const [wrapper, ...wrapped] = prefix;
      const outer = wrapper === undefined ? [] : [Bun.which(wrapper) ?? wrapper, ...wrapped];
      const child = Bun.spawn([...outer, ...start, Bun.which(command) ?? command, ...rest, ...script], {
        cwd: base,
        env: {
          HOME: home,
          PATH: toolFolder(shell, options),
          SHELL: "/bin/bash",
          LLMLB_DOWNLOAD_URL: server.url,
          LLMLB_BACKEND: "cpu", // whatever this machine has
          ...options.env,
        },
        stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
        stdout: "pipe",
        stderr: "pipe",
        detached: true, // a group of its own, which a test may kill whole
      });
      const [out, err, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { stdout: out, stderr: err, exitCode, killed: child.signalCode !== null };
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(base, { recursive: true, force: true });
    },
  };
};

/** Where a tool of this machine is, also one that only root has in its PATH. */
export const realTool = (name: string): string | null =>
  Bun.which(name) ?? Bun.which(name, { PATH: "/sbin:/usr/sbin" });
