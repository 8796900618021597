import { version } from "../../../core/version.ts";
import { chooseBackend, readGpuFacts } from "../../../upgrade/find-gpu.ts";
import { installAddon, parsePackBackend, refuseSources } from "../../../upgrade/gpu-addon.ts";
import { command } from "../../command.ts";
import { interruptible } from "../../interrupt.ts";
import { releaseSource, runningExecutable, withProgress } from "../../release-source.ts";

export const install = command({
  args: {
    backend: {
      type: "positional",
      required: false,
      description: "cuda, vulkan, or auto: what this machine can use (default: auto)",
    },
  },
  examples: ["llmlb gpu install", "llmlb gpu install vulkan"],
  async run({ backend: word = "auto" }, context) {
    const named = word === "auto" ? undefined : parsePackBackend(word, ["auto"]);
    refuseSources(context.config().releasesUrl);
    const facts = readGpuFacts();
    const backend = named ?? chooseBackend(facts);
    if (backend === "cuda" && !facts.cudaRuntime)
      await context.stderr.write(
        "libcudart and libcublas of CUDA 13 were not found: llmlb cannot use CUDA without them\n",
      );
    const isNew = await interruptible((signal) =>
      withProgress(context, (report) => {
        const source = releaseSource(context, signal);
        return installAddon({ source, executable: runningExecutable(), version, report }, backend);
      }),
    );
    await context.stdout.write(
      isNew
        ? `the ${backend} libraries are installed; a node that is running uses them after a restart\n`
        : `the ${backend} libraries of llmlb ${version} are installed already\n`,
    );
  },
});
