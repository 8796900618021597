import { AppError } from "../../core/errors.ts";
import { version as ownVersion } from "../../core/version.ts";
import { readInstallation } from "../../upgrade/installation.ts";
import { isVersion } from "../../upgrade/release-manifest.ts";
import { fetchManifest } from "../../upgrade/release-source.ts";
import { decideUpgrade, rollback, type UpgradeResult, upgrade as upgradeTo } from "../../upgrade/upgrade.ts";
import { command } from "../command.ts";
import type { CliContext } from "../context.ts";
import { interruptible } from "../interrupt.ts";
import { releaseSource, runningExecutable, withProgress } from "../release-source.ts";
import { toJson } from "../ui/json.ts";

export const upgrade = command({
  args: {
    check: { type: "boolean", description: "Only tell whether there is a newer release" },
    rollback: { type: "boolean", description: "Go back to the version before, which is still there" },
    version: {
      type: "string",
      valueHint: "V",
      description: "Install this version, older ones too (default: the newest)",
    },
    json: { type: "boolean", description: "Print JSON" },
  },
  examples: ["llmlb upgrade --check", "llmlb upgrade", "llmlb upgrade --version 1.2.3", "llmlb upgrade --rollback"],
  async run({ check, rollback: back, version: named, json }, context) {
    if (back && (check || named !== undefined))
      throw new AppError(
        "invalid_argument",
        "--rollback goes to the version before; it takes no --check and no --version",
      );
    const version = named?.replace(/^v/, "");
    if (version !== undefined && !isVersion(version))
      throw new AppError("invalid_argument", `"${version}" is no version; expected one such as 1.2.3`);
    await interruptible(async (signal) => {
      if (check) return await tell(context, signal, version, json);
      const result = await withProgress(context, (report) => {
        const { environment: env } = context.config();
        const options = { source: releaseSource(context, signal), executable: runningExecutable(), env, report };
        return back ? rollback(options) : upgradeTo(options, version);
      });
      await context.stdout.write(json ? toJson(jsonOf(result)) : textOf(result));
    });
  },
});

const tell = async (context: CliContext, signal: AbortSignal, named: string | undefined, json: boolean) => {
  const installed = readInstallation(runningExecutable())?.version ?? ownVersion;
  const { version, publishedAt } = await fetchManifest(releaseSource(context, signal), named);
  const newer = decideUpgrade(installed, version, false) === "install";
  const what = named === undefined ? "the newest release" : "the release";
  const relation = version === installed ? "is what is installed" : `is ${newer ? "newer" : "older"} than ${installed}`;
  const advice = newer ? `; to install it: llmlb upgrade${named === undefined ? "" : ` --version ${named}`}` : "";
  await context.stdout.write(
    json
      ? toJson({ installed, release: version, newer, published_at: publishedAt })
      : `${what}, ${version} of ${publishedAt.slice(0, 10)}, ${relation}${advice}\n`,
  );
};

const jsonOf = ({ version, before, olderRelease, lostAddons }: UpgradeResult) => ({
  version,
  before,
  ...(olderRelease === undefined ? {} : { newest_release: olderRelease }),
  ...(lostAddons.length > 0 ? { lost_gpu_libraries: lostAddons } : {}),
});

const textOf = ({ version, before, olderRelease, lostAddons }: UpgradeResult): string => {
  if (olderRelease !== undefined)
    return `llmlb ${version} is newer than the newest release, ${olderRelease} (--version ${olderRelease} installs that)\n`;
  if (version === before) return `llmlb ${version} is up to date\n`;
  const lost = lostAddons.map((addon) => `it has no ${addon} libraries for this machine any more\n`).join("");
  return (
    `llmlb ${version} is installed (it was ${before}, to which --rollback goes back)\n${lost}` +
    `a server that is running goes on with ${before} until it is restarted\n`
  );
};
