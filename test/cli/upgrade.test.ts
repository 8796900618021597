import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CliWorld, openCliWorld } from "../fakes/cli-process.ts";

/** From its sources llmlb has no key and no receipt; the compiled one is in test/e2e/upgrade.test.ts. */
let world: CliWorld;
beforeAll(() => {
  world = openCliWorld("http://127.0.0.1:9");
});
afterAll(() => world[Symbol.dispose]());

const base = "https://github.com/llmlb/llmlb/releases";

test.each([
  [
    "upgrade",
    `was not installed by install.sh, so it does not upgrade itself: use what installed it, or curl -fsSL ${base}`,
  ],
  ["upgrade --rollback", "was not installed by install.sh"],
  [
    "upgrade --check",
    `this build of llmlb has no key to verify updates with; get a release: curl -fsSL ${base}/latest`,
  ],
  ["upgrade --rollback --check", "--rollback goes to the version before; it takes no --check and no --version"],
  ["upgrade --version ../../x", '"../../x" is no version; expected one such as 1.2.3'],
  ["gpu install", "this llmlb runs from its sources; get a release"],
  ["gpu install rocm", 'unknown backend "rocm"; expected auto or cuda or vulkan'],
  ["gpu remove auto", 'unknown backend "auto"; expected cuda or vulkan'],
])("llmlb %s is one line and exit 1", async (words, message) => {
  const { stdout, stderr, exitCode } = await world.run(words.split(" "));
  expect([stdout, exitCode]).toEqual(["", 1]);
  expect(stderr).toMatch(/^(looking for a release\n)?Error: [^\n]+\n$/);
  expect(stderr).toContain(message);
});

test("LLMLB_DOWNLOAD_URL has to be an address", async () => {
  const { stderr, exitCode } = await world.run(["upgrade", "--check"], { env: { LLMLB_DOWNLOAD_URL: "ftp://x" } });
  expect([stderr, exitCode]).toEqual(['Error: invalid LLMLB_DOWNLOAD_URL "ftp://x": expected an http(s) address\n', 1]);
});
