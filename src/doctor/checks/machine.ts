import { systemClock } from "../../core/clock.ts";
import { toAppError } from "../../core/errors.ts";
import { formatBytes } from "../../core/format.ts";
import { silentLog } from "../../core/log.ts";
import type { Refusal } from "../../engine/devices/detect-backend.ts";
import type { DeviceReport } from "../../engine/devices/telemetry.ts";
import { createMachine, type MachineReport } from "../../engine/machine.ts";
import { findGpuPack, packBackends } from "../../native/gpu-packs.ts";
import { resolveNativeDir } from "../../native/native-dir.ts";
import type { Patient } from "../examine.ts";
import { type Found, ok, problem, warning } from "../finding.ts";

/** The libraries, and what a node would compute with: found out as it does, by processes that load a backend each. */
export const checkMachine = async ({ config }: Patient): Promise<Found[]> => {
  let nativeDir: string;
  try {
    nativeDir = await resolveNativeDir(config.cacheDir);
  } catch (thrown) {
    return [problem(`no libraries: ${toAppError(thrown).message}`, "name a folder of your own in LLMLB_CACHE")];
  }
  const libraries = ok(`libraries: ${nativeDir}`);
  const machine = await createMachine({ config, log: silentLog, clock: systemClock });
  try {
    await machine.detected();
    const report = machine.report();
    return report ? [libraries, ...describeMachine(report, installedPacks(config.cacheDir))] : [libraries];
  } catch (thrown) {
    const advice = config.gpu ? `LLMLB_GPU asks for ${config.gpu} and nothing else: unset it` : "see its message";
    return [libraries, problem(`no model can be loaded: ${toAppError(thrown).message}`, advice)];
  } finally {
    await machine.close();
  }
};

const installedPacks = (cacheDir: string): ReadonlySet<string> =>
  new Set(packBackends.filter((backend) => findGpuPack(backend, cacheDir) !== undefined));

/** `installed` are the GPU backends whose libraries are there. */
export const describeMachine = (
  { backend, devices, refused }: MachineReport,
  installed: ReadonlySet<string>,
): Found[] => {
  const computing = devices.filter(({ kind, used }) => used && (backend === "cpu" ? kind === "cpu" : kind !== "cpu"));
  const idle = devices.filter(({ used }) => !used);
  return [
    ok(`computing on ${backend}${computing.length > 0 ? `: ${computing.map(describeDevice).join(", ")}` : ""}`),
    ...refused.map((refusal) => describeRefusal(refusal, installed.has(refusal.backend))),
    ...idle.map((device) =>
      warning(
        `${device.description} is not computed on`,
        backend === "cpu" ? 'install the libraries of its kind: "llmlb gpu install"' : "see the lines above",
      ),
    ),
  ];
};

const describeDevice = ({ description, totalBytes, freeBytes }: DeviceReport): string =>
  totalBytes > 0 ? `${description}, ${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free` : description;

/** Most machines have no such libraries and need none; what is there and does not work is worth a look. */
const describeRefusal = ({ backend, reason }: Refusal, isInstalled: boolean): Found =>
  isInstalled
    ? warning(`${backend} is not used: ${reason}`, "its libraries are there: look at the driver")
    : ok(`${backend} is not used: ${reason}`);
