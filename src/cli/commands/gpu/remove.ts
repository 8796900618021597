import { AppError } from "../../../core/errors.ts";
import { parsePackBackend, refuseSources, removeAddons } from "../../../upgrade/gpu-addon.ts";
import { command } from "../../command.ts";
import { runningExecutable } from "../../release-source.ts";

export const remove = command({
  args: {
    backend: { type: "positional", required: false, description: "cuda or vulkan (default: all that are installed)" },
  },
  examples: ["llmlb gpu remove", "llmlb gpu remove cuda"],
  async run({ backend }, context) {
    const named = backend === undefined ? undefined : parsePackBackend(backend);
    refuseSources(context.config().releasesUrl);
    const removed = await removeAddons(runningExecutable(), named);
    if (removed.length === 0) throw new AppError("not_found", "no GPU libraries are installed beside this llmlb");
    await context.stdout.write(
      `removed the ${removed.join(" and ")} libraries; a node that is running needs a restart\n`,
    );
  },
});
