import type { Finding } from "../api/doctor.ts";
import type { Config, Environment } from "../config/config.ts";
import { toAppError } from "../core/errors.ts";
import { checkDisk } from "./checks/disk.ts";
import { checkFolders } from "./checks/folders.ts";
import { checkHub } from "./checks/hub.ts";
import { checkMachine } from "./checks/machine.ts";
import { checkOpenFiles } from "./checks/open-files.ts";
import { checkServers } from "./checks/servers.ts";
import { checkModels } from "./checks/store.ts";
import { checkVersion } from "./checks/version.ts";
import { type Found, problem } from "./finding.ts";
import { hideSecrets } from "./hide-secrets.ts";
import { readSettings } from "./read-settings.ts";

export interface Examination {
  env: Environment;
  /** Nothing outside this machine is asked. */
  offline?: boolean;
  /** Every file of the store is read and hashed. */
  verify?: boolean;
}

/** What every check works with. */
export interface Patient extends Required<Examination> {
  /** Of those settings that can be understood; `env` holds no others. */
  config: Config;
}

type Check = (patient: Patient) => Promise<Found[]> | Found[];

const checks: Readonly<Record<string, Check>> = {
  version: checkVersion,
  folders: checkFolders,
  machine: checkMachine,
  store: checkModels,
  servers: checkServers,
  disk: checkDisk,
  hub: checkHub,
  "open files": checkOpenFiles,
};

/**
 * Looks at everything at the same time and yields what it finds, always in the same order. Whatever is broken, including a check itself,
 * is a finding: nothing is thrown. Secrets are hidden.
 */
export async function* examine({ env, offline = false, verify = false }: Examination): AsyncGenerator<Finding> {
  const { config, found, env: good } = readSettings(env);
  const patient: Patient = { env: good, offline, verify, config };
  const hide = hideSecrets(env, config);
  const running = Object.entries(checks).map(async ([check, run]): Promise<Finding[]> => {
    const results = await attempt(run, patient);
    return results.map((result) => ({ check, ...result }));
  });
  const [first, ...rest] = running;
  for (const finding of (await first) ?? []) yield hide(finding);
  for (const result of found) yield hide({ check: "settings", ...result });
  for (const findings of rest) for (const finding of await findings) yield hide(finding);
}

const attempt = async (run: Check, patient: Patient): Promise<Found[]> => {
  try {
    return await run(patient);
  } catch (thrown) {
    return [problem(`could not be looked at: ${toAppError(thrown).message}`)];
  }
};
