import type { Part } from "./plan-parts.ts";
import type { Restart } from "./range-request.ts";
import { runParts } from "./run-parts.ts";
import { downloadByXet } from "./xet-download.ts";

/** By plain ranges; the rest through Xet when those are refused again and again (files above 400 GB, outages of the signing). */
export const fetchParts = async (
  transfer: Parameters<typeof runParts>[0],
  parts: readonly Part[],
): Promise<Restart | undefined> => {
  const { locator, label, log } = transfer;
  try {
    return await runParts(transfer, parts);
  } catch (error) {
    const { xet, url } = locator.current();
    if (!xet || !locator.isRefused()) throw error;
    log.info(`${label}: ${new URL(url).host} refuses plain downloads; going on through Xet`);
    await downloadByXet({ ...transfer, xet }, parts);
    return undefined;
  }
};
