import { isWindows, type TargetName } from "../build/targets.ts";

/** How the files of a release are called, and what lies in them; `install.sh` and `llmlb upgrade` rely on it (docs/releasing.md). */

/** The one folder in an archive. */
export const folderName = (version: string, target: TargetName): string => `llmlb-${version}-${target}`;

/** The executable with its libraries beside it, licences and README. */
export const archiveName = (version: string, target: TargetName): string =>
  `${folderName(version, target)}${isWindows(target) ? ".zip" : ".tar.gz"}`;

/** The executable alone, libraries inside. */
export const singleName = (version: string, target: TargetName): string =>
  `${folderName(version, target)}${isWindows(target) ? ".exe.zip" : ".gz"}`;

export const gpuFolderName = (version: string, backend: string, target: TargetName): string =>
  `llmlb-${version}-gpu-${backend}-${target}`;

/** The libraries of a GPU backend, to be laid beside the executable. */
export const gpuArchiveName = (version: string, backend: string, target: TargetName): string =>
  `${gpuFolderName(version, backend, target)}.tar.gz`;

/** The terms of everything in a release, for those who take the executable alone. */
export const licensesName = (version: string): string => `llmlb-${version}-licenses.txt`;
export const sbomName = (version: string): string => `llmlb-${version}.cdx.json`;
export const checksumsName = "SHA256SUMS";
export const manifestName = "manifest.json";
export const signatureName = "manifest.json.sig";
export const installScripts = ["install.sh", "install.ps1"] as const;
