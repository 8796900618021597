/** `bun scripts/dashboard-pictures.ts`: takes the pictures of the dashboard in docs/images, of a cluster that exists only as words. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type BrowserContextOptions, chromium } from "playwright-core";
import { chromiumPath } from "../test/dashboard/find-chromium.ts";
import { sampleNodes, sampleRequests } from "../test/dashboard/sample-cluster.ts";
import { createDashboardWorld } from "../test/fakes/dashboard-world.ts";

const outDir = join(import.meta.dir, "../docs/images");

const desktop = { viewport: { width: 1240, height: 860 }, locale: "en-US" };
const phone = { viewport: { width: 390, height: 844 }, locale: "en-US" };

const pictures: Record<string, BrowserContextOptions> = {
  dashboard: desktop,
  "dashboard-dark": { ...desktop, colorScheme: "dark" },
  "dashboard-japanese": { ...desktop, locale: "ja-JP" },
  "dashboard-phone": phone,
};

if (!chromiumPath) throw new Error("no Chromium is installed");
await mkdir(outDir, { recursive: true });
await using world = await createDashboardWorld({ nodes: sampleNodes, requests: sampleRequests() });
world.occupy("f4hn8c", 5);
world.occupy("k7m2xq", 1);
world.occupy("t8c5rd", 1);
await using browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
for (const [name, options] of Object.entries(pictures)) {
  const page = await browser.newPage(options);
  await page.goto(world.address);
  await page.locator(".node").first().waitFor();
  await page.waitForTimeout(500); // until meters have moved to their values
  await page.screenshot({ path: join(outDir, `${name}.png`) });
  await page.close();
}
