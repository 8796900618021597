import { AppError } from "../core/errors.ts";
import { childEnvironment } from "../native/child-environment.ts";

const timeoutMs = 30_000; // a virus scanner may look at it first

/** Starts a version before anything depends on it. Throws `unsupported` unless it runs here and says that it is `version`. */
export const tryExecutable = async (
  path: string,
  version: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> => {
  const said = await run(path, childEnvironment(env)).catch((error: unknown) => String(error));
  if (said !== `llmlb ${version}\n`)
    throw new AppError(
      "unsupported",
      `llmlb ${version} does not run on this machine ("llmlb --version" said: ${said.trim().slice(0, 200)}); nothing was changed`,
    );
};

const run = async (path: string, env: Record<string, string>): Promise<string> => {
  const options = { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: timeoutMs } as const;
  const child = Bun.spawn([path, "--version"], options);
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return stdout || stderr;
};
