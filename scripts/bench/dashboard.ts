import { readFileSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { chromiumPath } from "../../test/dashboard/find-chromium.ts";
import { inferenceServers } from "../../test/fakes/inference-servers.ts";
import { executable } from "./engine-peers.ts";
import { type Peer, startRouterOver } from "./router-peers.ts";

const nodeCount = 300;
const polls = 100;
const watchSeconds = 20;
const ticksPerSecond = 100; // USER_HZ of Linux on every machine that is common
const lists = ["/api/router/nodes", "/api/router/models", "/api/router/status", "/api/router/activity"] as const;

interface PollRow {
  bytes: number;
  routerMs: number;
  /** Of a hundred polls, those that were told that nothing is new. */
  unchanged: number;
}

interface PageRow {
  firstCardsMs: number;
  elements: number;
  /** For each second of watching: the scripts', and all of the page's thread. */
  scriptMs: number;
  threadMs: number;
}

/** A router's dashboard over 300 nodes whose devices are busy with something else at every probe, or as they were. Linux only: it reads /proc. */
export const benchDashboard = async ({ program = executable } = {}) => {
  const nodes = await startNodes();
  const router = await startRouterOver(nodes.list, { kind: "llmlb", program });
  const browser = await chromium.launch({
    ...(chromiumPath && { executablePath: chromiumPath }),
    args: ["--no-sandbox"],
  });
  const measure = async () => ({
    polls: await eachPoll(router),
    overview: await watch(browser, router, "#/overview", ".node"),
    overviewAll: await watch(browser, router, "#/overview", ".node", showAll),
    models: await watch(browser, router, "#/models", ".model-list li"),
  });
  try {
    nodes.setBusy(true);
    const changing = await measure();
    nodes.setBusy(false);
    await Bun.sleep(15_000); // until each has been asked once more
    return { changing, unchanged: await measure() };
  } finally {
    await browser.close();
    await router.stop();
    await nodes.stop();
  }
};

/** Each with a GPU and eight models, of which it has loaded two. */
const startNodes = async () => {
  let busy = false;
  let asked = 0;
  const report = inferenceServers.llmlb["GET /api/node"];
  const start = async (index: number) => {
    const node = (await report().json()) as { devices: { free_bytes: number }[]; models: object[] };
    const names = Array.from({ length: 8 }, (_, at) => `org/model-${(index + at * 37) % 100}`);
    node.models = names.slice(0, 2).map((name) => ({ ...node.models[0], name }));
    const tags = { models: names.map((name) => ({ name, size: 5e9, details: {} })) };
    return Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/api/tags") return Response.json(tags);
        if (pathname !== "/api/node") return new Response("not found", { status: 404 });
        if (busy) for (const device of node.devices) device.free_bytes = 1e9 + (asked++ % 1_000) * 1e7;
        return Response.json(node);
      },
    });
  };
  const servers = await Promise.all(Array.from({ length: nodeCount }, (_, index) => start(index)));
  return {
    list: servers.map(({ port = 0 }) => ({ port })),
    setBusy: (is: boolean) => {
      busy = is;
    },
    stop: () => Promise.all(servers.map((server) => server.stop(true))),
  };
};

const cpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1_000;
};

/** What the router did in the time beside, such as asking the nodes, is taken off. */
const eachPoll = async ({ port, pid }: Peer): Promise<Record<string, PollRow>> => {
  const restMs = cpuMs(pid);
  await Bun.sleep(10_000);
  const restShare = (cpuMs(pid) - restMs) / 10_000;
  const rows: Record<string, PollRow> = {};
  for (const path of lists) {
    const begun = { cpu: cpuMs(pid), at: performance.now() };
    let [etag, bytes, unchanged] = ["", 0, 0];
    for (let poll = 0; poll < polls; poll++) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { "if-none-match": etag } });
      bytes += (await response.bytes()).length;
      etag = response.headers.get("etag") ?? "";
      if (response.status === 304) unchanged++;
      await Bun.sleep(20); // pages ask each two seconds; some of that is to pass
    }
    const routerMs = cpuMs(pid) - begun.cpu - restShare * (performance.now() - begun.at);
    rows[path] = { bytes: Math.round(bytes / polls), routerMs: Number((routerMs / polls).toFixed(2)), unchanged };
  }
  return rows;
};

const showAll = async (page: Page): Promise<void> => {
  const more = page.getByRole("button", { name: /^Show / });
  while ((await more.count()) > 0) await more.click();
};

const watch = async (
  browser: Browser,
  { port }: Peer,
  hash: string,
  item: string,
  act: (page: Page) => Promise<void> = async () => undefined,
): Promise<PageRow> => {
  const page = await browser.newPage({ locale: "en-US" });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const seconds = async (name: string) => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find((one) => one.name === name)?.value ?? 0;
  };
  const begun = performance.now();
  await page.goto(`http://127.0.0.1:${port}/${hash}`);
  await page.locator(item).first().waitFor();
  const firstCardsMs = Math.round(performance.now() - begun);
  await act(page);
  const before = { script: await seconds("ScriptDuration"), thread: await seconds("TaskDuration") };
  await Bun.sleep(watchSeconds * 1_000);
  const perSecond = async (name: string, from: number) =>
    Number((((await seconds(name)) - from) * (1_000 / watchSeconds)).toFixed(1));
  const row = {
    firstCardsMs,
    elements: Number(await page.evaluate("document.querySelectorAll('*').length")),
    scriptMs: await perSecond("ScriptDuration", before.script),
    threadMs: await perSecond("TaskDuration", before.thread),
  };
  await page.close();
  return row;
};
