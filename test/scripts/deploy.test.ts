import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalArgs } from "../../src/cli/canonical-args.ts";
import { rootGroup } from "../../src/cli/command-table.ts";
import { findEntry, isGroup } from "../../src/cli/find-command.ts";
import { variables } from "../../src/config/variables.ts";

const deploy = join(import.meta.dir, "../../deploy");
const read = (file: string) => readFileSync(join(deploy, file), "utf8");

/** Throws where our command line would refuse the words. */
const parse = async (words: readonly string[]): Promise<string[]> => {
  let group = rootGroup;
  for (const [index, word] of words.entries()) {
    const [, entry] = findEntry(group, word) ?? [];
    if (!entry) break;
    if (!isGroup(entry)) return canonicalArgs(word, words.slice(index + 1), (await entry.load()).args);
    group = entry;
  }
  throw new Error(`${words.join(" ")}: no such command`);
};

const lines = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = ""]) => found);

describe("every command line is one of ours", () => {
  test.each(["node", "router"])("systemd: the %s", async (kind) => {
    const [command = ""] = lines(read(`systemd/llmlb-${kind}.service`), /^ExecStart=\/usr\/local\/bin\/llmlb (.+)$/gm);
    expect(await parse(command.split(" "))).toEqual(["--"]);
  });

  test("the image", async () => {
    const [command = ""] = lines(read("Dockerfile"), /^CMD (\[.+\])$/gm);
    expect(await parse(JSON.parse(command))).toEqual(["--host=0.0.0.0", "--"]);
  });

  test("compose: the router, and nodes with what their entry point adds", async () => {
    const { services } = Bun.YAML.parse(read("compose.yaml")) as { services: Record<string, { command: string[] }> };
    expect(Object.keys(services)).toEqual(["router", "tokens", "node1", "node2"]);
    await parse(services.router?.command ?? []);
    expect(await parse([...(services.node1?.command ?? []), "--advertise", "http://node1:32769"])).toContain(
      "--router=http://router:32768",
    );
    expect(services.node2?.command).toEqual(services.node1?.command ?? []);
    const [script = ""] = services.tokens?.command ?? [];
    const [made = ""] = lines(script, /llmlb (router token create)/g);
    expect(await parse(made.split(" "))).toEqual(["--"]);
  });

  test("launchd", async () => {
    const [, program = "", ...words] = lines(read("launchd/com.llmlb.node.plist"), /<string>([^<]+)<\/string>/g);
    expect(program).toBe("/usr/local/bin/llmlb");
    expect(await parse(words.slice(0, 2))).toEqual(["--"]);
  });
});

test("every variable is one that llmlb reads", () => {
  const files = [
    "Dockerfile",
    "compose.yaml",
    "systemd/llmlb-node.service",
    "systemd/llmlb-router.service",
    "../docs/deploy.md",
  ];
  const named = files.flatMap((file) => lines(read(file), /\b((?:LLMLB|HF)_[A-Z_]+)\b/g));
  expect(named.length).toBeGreaterThan(10);
  expect([...new Set(named)].filter((name) => !variables.some((known) => known.name === name))).toEqual([]);
});

describe("healthy.sh", () => {
  test.each([
    [200, 0],
    [503, 1],
  ])("status %p: exit code %p", async (status, exitCode) => {
    const asked: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        asked.push(new URL(request.url).pathname);
        return new Response("", { status });
      },
    });
    const child = Bun.spawn([join(deploy, "healthy.sh"), String(server.port)], { stderr: "ignore" });
    expect([await child.exited, asked]).toEqual([exitCode, ["/ready"]]);
    await server.stop(true);
    expect(await Bun.spawn([join(deploy, "healthy.sh"), String(server.port)], { stderr: "ignore" }).exited).toBe(1);
  });
});

describe.skipIf(!Bun.which("systemd-analyze"))("systemd-analyze", () => {
  test.each(["node", "router"])("the %s's unit is valid and hardened", (kind) => {
    const dir = mkdtempSync(join(tmpdir(), "llmlb-unit-"));
    const unit = join(dir, `llmlb-${kind}.service`);
    writeFileSync(unit, read(`systemd/llmlb-${kind}.service`).replace("/usr/local/bin/llmlb", "/bin/true"));
    const run = (...args: string[]) => {
      const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", ...args, unit]);
      return { exitCode, text: String(stdout) + String(stderr) };
    };
    expect(run("verify")).toEqual({ exitCode: 0, text: "" });
    expect(run("security", "--offline=true", "--threshold=25").exitCode).toBe(0); // of 100
    rmSync(dir, { recursive: true });
  });
});

describe.skipIf(!Bun.which("python3"))("plistlib", () => {
  test("reads the plist of launchd", () => {
    const script = "import plistlib, sys, json; print(json.dumps(plistlib.load(sys.stdin.buffer)))";
    const stdin = Bun.file(join(deploy, "launchd/com.llmlb.node.plist"));
    const { stdout } = Bun.spawnSync(["python3", "-c", script], { stdin });
    expect(JSON.parse(String(stdout))).toMatchObject({ Label: "com.llmlb.node", KeepAlive: { SuccessfulExit: false } });
  });
});

describe.skipIf(!Bun.which("shellcheck"))("shellcheck", () => {
  test("has nothing to say of healthy.sh", () => {
    expect(String(Bun.spawnSync(["shellcheck", join(deploy, "healthy.sh")]).stdout)).toBe("");
  });
});
