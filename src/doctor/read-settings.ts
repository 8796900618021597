import { type Config, type Environment, loadConfig } from "../config/config.ts";
import { type Variable, variables } from "../config/variables.ts";
import { toAppError } from "../core/errors.ts";
import { suggest } from "../core/suggest.ts";
import { type Found, ok, problem, warning } from "./finding.ts";

/** What can be understood of the settings, and what is to say of all. */
export const readSettings = (env: Environment): { env: Environment; config: Config; found: Found[] } => {
  const set = variables.filter((variable) => valueIn(env, variable) !== undefined);
  const malformed = set.flatMap((variable) => faultOf(env, variable) ?? []);
  const good = Object.fromEntries(Object.entries(env).filter(([name]) => !malformed.some((one) => one.name === name)));
  return {
    env: good,
    config: loadConfig(good),
    found: [
      ok(set.length === 0 ? "no variable is set, all is as it comes" : set.map((one) => shown(env, one)).join(", ")),
      ...malformed.map(({ text }) => problem(text, "mend or unset it")),
      ...unknownNames(env).map(unknown),
    ],
  };
};

const valueIn = (env: Environment, { name }: Variable): string | undefined =>
  env[name] || env[/_PROXY$/.test(name) ? name.toLowerCase() : name] || undefined;

const shown = (env: Environment, variable: Variable): string =>
  variable.secret ? `${variable.name} is set` : `${variable.name}=${short(valueIn(env, variable) ?? "")}`;

const short = (value: string): string => (value.length > 80 ? `${value.slice(0, 80)}...` : value);

/** Alone, since the first that cannot be understood would keep all others from being read. */
const faultOf = (env: Environment, { name }: Variable): { name: string; text: string } | undefined => {
  try {
    loadConfig({ HOME: env.HOME, USERPROFILE: env.USERPROFILE, [name]: env[name] });
    return undefined;
  } catch (thrown) {
    const { message } = toAppError(thrown);
    return { name, text: message.includes(name) ? message : `invalid ${name}: ${message}` };
  }
};

const unknownNames = (env: Environment): string[] =>
  Object.keys(env).filter((name) => name.startsWith("LLMLB_") && !variables.some((known) => known.name === name));

const unknown = (name: string): Found => {
  const near = suggest(
    name,
    variables.map((known) => known.name),
  );
  return warning(`${name} is set, but is no setting of llmlb`, near ? `did you mean ${near}?` : "unset it");
};
