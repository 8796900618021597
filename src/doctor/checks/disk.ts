import { toAppError } from "../../core/errors.ts";
import { formatBytes } from "../../core/format.ts";
import { systemDisk } from "../../hub/disk-access.ts";
import type { Patient } from "../examine.ts";
import { type Found, ok, problem, warning } from "../finding.ts";

const scarceBytes = 5e9; // a model of 7 billion weights at 4 bits
const fullBytes = 200e6; // not even the libraries and a toy model

export const checkDisk = async ({ config }: Patient): Promise<Found[]> => {
  try {
    return [describeSpace(config.modelsDir, await systemDisk.freeBytes(config.modelsDir))];
  } catch (thrown) {
    return [warning(`the space at ${config.modelsDir} is not known: ${toAppError(thrown).message}`)];
  }
};

export const describeSpace = (path: string, freeBytes: number): Found => {
  const text = `${formatBytes(freeBytes)} free at ${path}`;
  const advice = "delete models (llmlb node rm), or name another disk in LLMLB_MODELS";
  if (freeBytes >= scarceBytes) return ok(text);
  return freeBytes >= fullBytes ? warning(text, advice) : problem(text, advice);
};
