/** The dashboard as a person uses it, in a real browser. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import {
  createDashboardWorld,
  type DashboardWorld,
  type DashboardWorldOptions,
  model,
  node,
} from "../fakes/dashboard-world.ts";
import { chromiumPath } from "./find-chromium.ts";
import { sampleNodes, sampleRequests } from "./sample-cluster.ts";

if (!chromiumPath) console.warn('the dashboard is not tested in a browser: none is installed ("apt install chromium")');
const browserTest = test.skipIf(!chromiumPath);
setDefaultTimeout(60_000);

let browser: Browser;
let world: DashboardWorld | undefined;
let context: BrowserContext | undefined;
/** What the page complained of, or asked of others. */
let complaints: string[];

beforeAll(async () => {
  if (!chromiumPath) return;
  // Its sandbox needs a user that is not root, or a kernel that lets users have namespaces.
  browser = await chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"] });
});
afterEach(async () => {
  await context?.close();
  await world?.[Symbol.asyncDispose]();
  context = world = undefined;
});
afterAll(async () => await browser?.close());

const open = async (options: DashboardWorldOptions, device: BrowserContextOptions = {}, hash = ""): Promise<Page> => {
  const here = await createDashboardWorld(options);
  world = here;
  context = await browser.newContext({ locale: "en-US", ...device });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on("console", (message) => {
    // Chromium notes every refused request; that is the router's good right.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(here.address) && !url.startsWith("data:")) complaints.push(`asked ${url}`);
  });
  await page.goto(`${here.address}/${hash}`);
  return page;
};

const button = (page: Page | Locator, name: string) => page.getByRole("button", { name, exact: true });
const card = (page: Page, name: string) =>
  page.getByRole("listitem").filter({ has: page.getByRole("heading", { name }) });

browserTest("nodes, devices, load and what was asked of late", async () => {
  const page = await open({ nodes: sampleNodes, requests: sampleRequests() });
  const atelier = card(page, "atelier");
  await atelier.waitFor();
  const text = await atelier.innerText();
  for (const part of ["Online", "192.168.1.10:32769", "71 °C", "19 GB of 24 GB", "86% busy", "3 of 4 busy · 1 waiting"])
    expect(text).toContain(part);
  expect(
    await page.getByRole("img", { name: /^Requests per second: now .+, at most .+, over 5 min ago$/ }).count(),
  ).toBe(1);
  await page.getByText("3 hours").click();
  await page.getByText("3 h ago").first().waitFor();
  await page.getByRole("link", { name: "Models" }).click();
  await page.getByText("google/gemma-3-12b-it-GGUF").click();
  await page.getByText("192.168.1.12:32769").filter({ visible: true }).waitFor();
  await page.getByRole("link", { name: "Requests" }).click();
  await page.getByLabel("Find a request").fill("502");
  await page.getByRole("row").filter({ hasText: "connection" }).first().waitFor();
  expect(await page.getByText("/api/chat").count()).toBeGreaterThan(0);
  expect(complaints).toEqual([]);
});

browserTest("what is new appears by itself", async () => {
  const page = await open({ nodes: sampleNodes }, {}, "#/requests");
  await page.getByText("No requests yet").waitFor();
  world?.activity.record({ route: "/v1/messages", status: 200, model: "fresh", queueMs: 0, durationMs: 5, retries: 0 });
  await page.getByRole("cell", { name: "fresh" }).waitFor();
});

const many = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    node(`n${index}`, {
      name: `rack-${index}`,
      url: `http://10.0.${index >> 8}.${index & 255}:32769`,
      status: index === 299 ? "offline" : "online",
      reading: { version: "0.1.0", models: [model(`org/model-${index}`), model("org/everywhere")] },
    }),
  );

browserTest("of hundreds of nodes the beginning is shown, what is looked for, or all", async () => {
  const page = await open({ nodes: many(300) }, { locale: "ja-JP" });
  const cards = page.locator(".node");
  const expectCards = async (count: number) => {
    await cards.nth(count - 1).waitFor();
    expect(await cards.count()).toBe(count);
  };
  await expectCards(60);
  const filter = page.getByRole("searchbox", { name: "ノードを検索" });
  for (const words of ["rack-299", "10.0.1.43:", "offline", "オフライン", "model-299"]) {
    await filter.fill(words);
    await page.getByRole("heading", { name: "rack-299" }).waitFor();
    await expectCards(1);
  }
  await filter.fill("");
  await button(page, "全 300 件を表示").click();
  await expectCards(300);
  await page.goto(`${world?.address}/#/models`);
  await button(page, "全 301 件を表示").click();
  await page.getByText("org/model-99", { exact: true }).waitFor();
  expect(await page.locator(".model-nodes").count()).toBe(0); // closed rows hold nothing
  await page.getByText("org/everywhere", { exact: true }).click();
  await page.locator(".model-nodes li").nth(299).waitFor();
});

/** Notes which cards are touched from now on, by their headings. */
const noteChanges = `
  window.touched = new Set();
  new MutationObserver((changes) => {
    for (const { target } of changes)
      window.touched.add((target.nodeType === 1 ? target : target.parentElement).closest(".node")?.querySelector("h3").textContent);
  }).observe(document.querySelector(".node-grid"), { subtree: true, childList: true, characterData: true, attributes: true });
`;

browserTest("a list that did not change is not sent again, and one card's news touch no other", async () => {
  const page = await open({ nodes: many(3) });
  await card(page, "rack-1").waitFor();
  const nodesAnswer = (status: number) =>
    page.waitForResponse((answer) => answer.url().endsWith("/api/router/nodes") && answer.status() === status);
  const unchanged = await nodesAnswer(304);
  expect(await unchanged.request().headerValue("if-none-match")).toStartWith('W/"');
  await page.evaluate(noteChanges);
  world?.occupy("n1", 2);
  await nodesAnswer(200);
  await card(page, "rack-1").getByText("2 in flight").waitFor();
  await nodesAnswer(304);
  expect(await card(page, "rack-1").getByText("2 in flight").count()).toBe(1);
  expect(await page.evaluate("[...window.touched]")).toEqual(["rack-1"]);
  expect(complaints).toEqual([]);
});

browserTest("names of strangers are text, whatever they say", async () => {
  const markup = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
  const nodes = [
    node("evil", {
      name: markup,
      reason: markup,
      status: "degraded",
      reading: { version: markup, models: [model(markup)] },
    }),
  ];
  const request = {
    route: markup,
    status: 200,
    model: markup,
    node: markup,
    reason: markup,
    queueMs: 0,
    durationMs: 5,
  };
  const page = await open({ nodes, requests: [{ ...request, retries: 0, afterMs: 0 }] });
  await page.getByRole("heading", { name: markup }).waitFor();
  for (const name of ["Models", "Requests", "Chat"]) {
    await page.getByRole("link", { name }).click();
    await page.getByText("onerror").first().waitFor({ state: "attached" });
    expect(await page.locator("main img, main script").count()).toBe(0);
  }
  expect(complaints).toEqual([]);
});

browserTest("with keys, nothing is seen before signing in, and nothing after signing out", async () => {
  const page = await open({ nodes: sampleNodes, apiKey: "owner-key" });
  await page.getByRole("heading", { name: "Sign in to llmlb" }).waitFor();
  expect(await page.getByRole("navigation").getByRole("link").count()).toBe(0);
  await page.getByLabel("API key").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "does not know this key" }).waitFor();
  await page.getByLabel("API key").fill("owner-key");
  await page.keyboard.press("Enter");
  await card(page, "atelier").waitFor();
  await page.reload();
  await card(page, "atelier").waitFor(); // the tab remembers
  expect(await context?.cookies()).toEqual([]);
  await button(page, "Sign out").click();
  await page.getByRole("heading", { name: "Sign in to llmlb" }).waitFor();
  expect(await page.evaluate("sessionStorage.length")).toBe(0);
  expect(await page.content()).not.toContain("atelier");
  expect(complaints).toEqual([]);
});

browserTest("a key that may only read changes nothing, one that is revoked sees nothing more", async () => {
  const page = await open({ nodes: sampleNodes, apiKey: "owner-key" });
  const reader = await world?.access.create({ name: "looker", scopes: ["read"] });
  await page.getByLabel("API key").fill(reader?.key ?? "");
  await page.keyboard.press("Enter");
  await card(page, "atelier").waitFor();
  expect(await button(page, "Drain").count()).toBe(0);
  expect(await page.getByRole("link", { name: "Keys" }).count()).toBe(0);
  await world?.access.revoke(reader?.id ?? "");
  await page.getByRole("heading", { name: "Sign in to llmlb" }).waitFor();
});

browserTest("nodes are drained, removed and added", async () => {
  const page = await open({ nodes: sampleNodes });
  const atelier = card(page, "atelier");
  await button(atelier, "Drain").click();
  await atelier.getByText("Draining").waitFor();
  await button(atelier, "Resume").click();
  await atelier.getByText("Online").waitFor();
  await button(atelier, "Remove").click();
  await page.keyboard.press("Escape"); // thought better of it
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await button(atelier, "Remove").click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await atelier.waitFor({ state: "detached" });
  await button(page, "Add a node").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Address").fill("nowhere");
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").filter({ hasText: '"nowhere" is no address' }).waitFor();
  await dialog.getByLabel("Address").fill("http://10.0.0.7:8080");
  await dialog.getByLabel("Name (optional)").fill("newcomer");
  await page.keyboard.press("Enter");
  await card(page, "newcomer").waitFor();
  expect(complaints).toEqual([]);
});

browserTest("the first admin's key closes the router; keys and tokens are shown once", async () => {
  const page = await open({ nodes: sampleNodes }, {}, "#/access");
  await button(page, "Create a token").click();
  const secret = page.getByRole("dialog").getByRole("code").or(page.locator("dialog code"));
  expect(await secret.first().innerText()).toStartWith("llmlb-join-");
  await button(page, "Close").click();
  await button(page, "Create a key").click();
  await page.getByLabel("Name").fill("me");
  await page.getByLabel("admin").check();
  await button(page, "Create").click();
  const key = await secret.first().innerText();
  expect(key).toStartWith("llmlb-key-");
  await button(page, "Close").click();
  await page.getByLabel("API key").fill(key);
  await page.keyboard.press("Enter");
  await page.getByText("infer, read, admin").waitFor();
  expect(await page.content()).not.toContain(key);
  await button(page, "Revoke me").click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("There are no keys").waitFor();
});

const say = (delta: object) => ({ choices: [{ index: 0, delta }] });

browserTest("an answer streams, is stopped, and fails with the router's words", async () => {
  const released = Promise.withResolvers<void>();
  let round = 0;
  async function* answer() {
    round++;
    yield say({ role: "assistant", content: "" });
    yield say({ reasoning_content: "Let me see." });
    yield say({ content: "<b>Hello</b> " });
    if (round > 1) await released.promise; // until it is stopped
    yield say({ content: "世界" });
    yield { choices: [], usage: { completion_tokens: 5 } };
  }
  const page = await open({ nodes: sampleNodes, answer }, {}, "#/chat");
  await page.getByRole("option", { name: "Qwen/Qwen3-8B-GGUF" }).waitFor({ state: "attached" });
  await page.getByLabel("Message").fill("Hi");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("there");
  await page.keyboard.press("Enter");
  await page.getByText("<b>Hello</b> 世界").waitFor();
  await page.getByText("f4hn8c, knows the prompt").waitFor();
  expect(await page.getByRole("log").innerText()).toContain("Hi\nthere");
  await page.getByLabel("Message").fill("Again");
  await page.keyboard.press("Enter");
  await button(page, "Stop").click();
  await page.getByText("Stopped").waitFor();
  released.resolve();
  await button(page, "New chat").click();
  await page.getByText("Try a model").waitFor();
  expect(complaints).toEqual([]);
});

browserTest("a picture goes along", async () => {
  const asked: unknown[] = [];
  async function* answer() {
    yield say({ content: "A dot." });
  }
  const page = await open({ nodes: sampleNodes, answer }, {}, "#/chat");
  page.on("request", (request) => request.method() === "POST" && asked.push(request.postDataJSON()));
  const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  await page
    .locator("input[type=file]")
    .setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") });
  await button(page, "Remove picture 1").waitFor();
  await page.getByLabel("Message").fill("What is it?");
  await page.keyboard.press("Enter");
  await page.getByText("A dot.").waitFor();
  await page.getByRole("img", { name: "Picture 1" }).waitFor();
  const url = `data:image/png;base64,${png}`;
  expect(asked[0]).toMatchObject({
    stream: true,
    messages: [{ role: "user", content: [{ text: "What is it?" }, { image_url: { url } }] }],
  });
});

browserTest("Japanese by the browser's wish, English by the person's, and that is kept", async () => {
  const page = await open({ nodes: sampleNodes }, { locale: "ja-JP" });
  await page.getByRole("heading", { name: "概要" }).waitFor();
  expect(await page.evaluate("document.documentElement.lang")).toBe("ja");
  await page.getByRole("combobox", { name: "言語" }).selectOption("en");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
});

browserTest("on a phone nothing sticks out, in any language", async () => {
  for (const locale of ["en-US", "ja-JP"]) {
    const device = { viewport: { width: 360, height: 740 }, locale, colorScheme: "dark" } as const;
    const page = await open({ nodes: sampleNodes, requests: sampleRequests() }, device);
    for (const hash of ["overview", "models", "requests", "chat", "access"]) {
      await page.goto(`${world?.address}/#/${hash}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle");
      expect([hash, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([hash, 360]);
    }
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(16, 18, 21)");
    await context?.close();
    await world?.[Symbol.asyncDispose]();
  }
  world = undefined;
});

browserTest("the keyboard is enough", async () => {
  const page = await open({ nodes: sampleNodes });
  await card(page, "atelier").waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
  await page.keyboard.press("Enter");
  expect(await page.evaluate("document.activeElement.id")).toBe("main");
  await button(page, "Add a node").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  expect(await page.evaluate("document.activeElement.name")).toBe("url");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Add a node");
});
