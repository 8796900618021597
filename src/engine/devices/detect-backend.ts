import { AppError, toAppError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Backend, BackendDevices, DeviceInfo } from "../../runner/protocol.ts";

/** A backend that may be used: its libraries' folder, or why it cannot even be tried. */
export type Candidate = { backend: Backend | "best" } & ({ nativeDir: string } | { missing: string });

export interface Refusal {
  backend: Backend;
  reason: string;
}

/** What the models of this machine are computed with. */
export interface Detected {
  backend: Backend;
  nativeDir: string;
  /** Of the backend; the CPU is one too. */
  devices: DeviceInfo[];
  /** The better backends, and why they are not used. */
  refused: Refusal[];
}

/**
 * The first candidate that works. `probe` loads a backend in a process of its own, since a driver may end that process, and
 * throws with the reason where it does not work. Throws what the last one threw when none works.
 */
export const detectBackend = async (
  candidates: readonly Candidate[],
  probe: (nativeDir: string, gpu: Backend | undefined) => Promise<BackendDevices>,
  log: Log,
): Promise<Detected> => {
  const refused: Refusal[] = [];
  let last = new AppError("load_failed", "there is no backend to try");
  for (const candidate of candidates) {
    const gpu = candidate.backend === "best" ? undefined : candidate.backend;
    try {
      if ("missing" in candidate)
        throw new AppError("load_failed", `cannot use ${candidate.backend}: ${candidate.missing}`);
      const found = await probe(candidate.nativeDir, gpu);
      return { ...found, nativeDir: candidate.nativeDir, refused };
    } catch (error) {
      last = toAppError(error);
      const reason = "missing" in candidate ? candidate.missing : last.message;
      log.debug(`${candidate.backend} is not used: ${reason}`);
      if (gpu) refused.push({ backend: gpu, reason });
    }
  }
  throw last;
};
