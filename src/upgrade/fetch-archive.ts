import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/errors.ts";
import { downloadFile } from "./download-file.ts";
import type { ReleaseManifest } from "./release-manifest.ts";
import { type ReleaseSource, releaseUrl } from "./release-source.ts";
import { unpackArchive } from "./unpack-archive.ts";

/** What happens, for a display: a step, or how far a transfer is. */
export interface UpgradeProgress {
  status: string;
  total?: number;
  completed?: number;
}

export type Report = (progress: UpgradeProgress) => Promise<void>;

/** Names of a release's archives without `.tar.gz`, which is what their top folders are called. */
export const releaseArchive = (version: string, target: string): string => `llmlb-${version}-${target}`;

/** The libraries of a GPU are the same for processors with and without AVX2. */
export const addonArchive = (version: string, backend: string, target: string): string =>
  `llmlb-${version}-gpu-${backend}-${target.replace(/-baseline$/, "")}`;

/** Downloads, verifies and unpacks an archive of a release; returns its top folder, below `stagingDir`. */
export const fetchArchive = async (
  source: ReleaseSource,
  manifest: ReleaseManifest,
  top: string,
  stagingDir: string,
  report: Report,
): Promise<string> => {
  const name = `${top}.tar.gz`;
  const file = manifest.files.get(name);
  if (!file) throw new AppError("not_found", `llmlb ${manifest.version} has no ${name}`);
  const archive = join(stagingDir, name);
  const status = `downloading ${name}`;
  await report({ status, total: file.sizeBytes, completed: 0 });
  await downloadFile(source, releaseUrl(source.baseUrl, manifest.version, name), file, archive, (completed) =>
    report({ status, total: file.sizeBytes, completed }),
  );
  await report({ status: `unpacking ${name}` });
  const folder = join(stagingDir, "unpacked");
  await mkdir(folder, { recursive: true });
  const unpacked = await unpackArchive(archive, folder, top);
  await rm(archive);
  return unpacked;
};
