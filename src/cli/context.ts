import type { ClientOptions } from "../client/call.ts";
import type { Client } from "../client/client.ts";
import type { Config, ConfigFlags, Environment } from "../config/config.ts";
import type { ModelRef } from "../core/model-ref.ts";
import type { Output } from "./output.ts";

/** What a command works with. */
export interface CliContext {
  stdout: Output;
  stderr: Output;
  /** False when NO_COLOR is set or the terminal is dumb; whether the output is a terminal is asked separately. */
  colors: boolean;
  /** For what has to work with settings that cannot be understood; everything else asks `config`. */
  environment: Environment;
  /** Throws `invalid_argument` on a setting that cannot be understood. */
  config(flags?: ConfigFlags): Config;
  /** A client of the server that LLMLB_HOST names. */
  client(): Client;
  /** How to reach the router that LLMLB_ROUTER_HOST, else LLMLB_HOST, names. */
  routerConnection(): Pick<ClientOptions, "baseUrl" | "apiKey" | "behindProxy">;
  /** Every command parses a model's name before any network call. Throws `invalid_model_name`. */
  parseModel(name: string): ModelRef;
}
