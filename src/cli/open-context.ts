import { createClient } from "../client/client.ts";
import { type Config, type ConfigFlags, type Environment, loadConfig } from "../config/config.ts";
import { parseModelRef } from "../core/model-ref.ts";
import type { CliContext } from "./context.ts";
import { openOutput } from "./output.ts";

/** The context of this process. Settings are read when a command first needs them: `--help` works with broken ones. */
export const openContext = (env: Environment): CliContext => {
  let plain: Config | undefined;
  const config = (flags?: ConfigFlags): Config => {
    if (flags) return loadConfig(env, flags);
    plain ??= loadConfig(env);
    return plain;
  };
  return {
    stdout: openOutput(1),
    stderr: openOutput(2),
    colors: allowsColor(env),
    environment: env,
    config,
    client: () =>
      createClient({ baseUrl: config().node.baseUrl, apiKey: config().apiKey, behindProxy: namesProxy(env) }),
    routerConnection: () => ({
      baseUrl: config().router.baseUrl,
      apiKey: config().apiKey,
      behindProxy: namesProxy(env),
    }),
    parseModel: (name) => parseModelRef(name, config().hub.endpoint),
  };
};

/** False when NO_COLOR is set to anything (https://no-color.org) or the terminal knows no colours. */
const allowsColor = (env: Environment): boolean => !env.NO_COLOR && env.TERM !== "dumb";

const namesProxy = (env: Environment): boolean =>
  Object.entries(env).some(([name, value]) => /^(https?|all)_proxy$/i.test(name) && Boolean(value));
