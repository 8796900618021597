/** Packages that bring a missing tool, for the error message. */
const toolHints = {
  git: "install git",
  npm: "install Node.js 20 or newer",
  cmake: "install cmake 3.19 or newer",
  "c++": "install a C++20 compiler, such as g++ 12",
  codesign: "install Xcode's command line tools",
  rcodesign: "install apple-codesign",
  "aarch64-linux-gnu-g++": "install Debian's g++-aarch64-linux-gnu",
} as const;

export type Tool = keyof typeof toolHints;

/** Throws an Error that names the first tool which is not on `path` (default: PATH), and how to get it. */
export const requireTools = (tools: readonly Tool[], path?: string): void => {
  const missing = tools.find((tool) => Bun.which(tool, path === undefined ? {} : { PATH: path }) === null);
  if (missing) throw new Error(`the build needs ${missing}, which is not on PATH: ${toolHints[missing]}`);
};

/** Runs a tool quietly to its end and returns its output; throws an Error with the end of what it wrote when it fails. */
export const runTool = async (tool: Tool, args: readonly string[]): Promise<string> => {
  // By its whole path, since on Windows npm is a batch file.
  const child = Bun.spawn([Bun.which(tool) ?? tool, ...args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode === 0) return stdout;
  const tail = `${stdout}\n${stderr}`.trim().split("\n").slice(-40).join("\n");
  throw new Error(`${tool} ${args[0] ?? ""} failed with exit code ${exitCode}:\n${tail}`);
};
