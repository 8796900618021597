import type { Finding } from "../api/doctor.ts";
import type { Config, Environment } from "../config/config.ts";
import { variables } from "../config/variables.ts";

const secretMinChars = 4; // a shorter "secret" is a slip, and would be hidden in the middle of words

/** Takes out of a finding whatever is a secret of this machine's settings, and logins of addresses: people paste findings into issues. */
export const hideSecrets = (env: Environment, config: Config): ((finding: Finding) => Finding) => {
  const given = variables.flatMap(({ name, secret }) => (secret ? [env[name], env[name.toLowerCase()]] : []));
  const secrets = [...given, config.apiKey, config.hub.token, config.join?.token]
    .flatMap((value) => value?.trim() || [])
    .filter((value) => value.length >= secretMinChars)
    .sort((a, b) => b.length - a.length); // one may be a part of another
  const hide = (text: string): string =>
    secrets
      .reduce((shown, secret) => shown.replaceAll(secret, "***"), text)
      .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi, "$1***@");
  return ({ text, advice, ...rest }) => ({
    ...rest,
    text: hide(text),
    ...(advice === undefined ? {} : { advice: hide(advice) }),
  });
};
