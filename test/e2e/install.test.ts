import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startForwardProxy } from "../fakes/forward-proxy.ts";
import {
  type InstallWorld,
  installScript,
  openInstallWorld,
  realTool,
  type Shell,
  shells,
} from "../fakes/install-world.ts";
import { makeArchive, makeRelease, type Release, signingKey } from "../fakes/release.ts";

let world: InstallWorld;
const key = signingKey();
const releases: Record<string, Release> = {};
const target = /\bavx2\b/.test(existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "")
  ? "linux-x64"
  : "linux-x64-baseline";
const archiveOf = (version: string) => `llmlb-${version}-${target}.tar.gz`;

beforeAll(async () => {
  world = await openInstallWorld();
  for (const version of ["0.1.0", "0.2.0", "0.3.0"]) releases[version] = await makeRelease({ version, key });
});
afterAll(() => world[Symbol.asyncDispose]());

const publish = (...versions: string[]) => {
  for (const version of versions) world.server.publish(releases[version] as Release);
};

beforeEach(() => {
  world.reset();
  world.server.faults.clear();
  world.server.requests.length = 0;
  publish("0.1.0", "0.2.0");
});

const lib = () => join(world.root, "lib/llmlb");
/** What lies in lib/llmlb: versions, receipt, and nothing that was not finished. */
const installed = () => readdirSync(lib()).sort();
const link = () => readlinkSync(join(world.root, "bin/llmlb"));
const isLinuxX64 = process.platform === "linux" && process.arch === "x64";
const isRoot = process.getuid?.() === 0;

const mountSmall = ["mount", "-t", "tmpfs", "-o", "size=256k", "none"];

/** A file system of its own: only root may make one, and not in every container. */
const canMount = (() => {
  if (!isRoot || !Bun.which("mount")) return false;
  const folder = mkdtempSync(join(tmpdir(), "llmlb-mount-"));
  const mounted = Bun.spawnSync([...mountSmall, folder]).exitCode === 0;
  if (mounted) Bun.spawnSync(["umount", folder]);
  rmdirSync(folder);
  return mounted;
})();

describe.skipIf(!isLinuxX64).each(shells)("in $name", (shell: Shell) => {
  const each = test.skipIf(!shell.present);
  const run: InstallWorld["run"] = (options = {}) => world.run({ shell, ...options });
  const old = async () => {
    expect((await run({ env: { LLMLB_VERSION: "0.1.0" } })).exitCode).toBe(0);
    expect(world.installedVersion()).toBe("0.1.0");
  };
  /** The old one works as before and nothing else is left. */
  const expectUntouched = () => {
    expect(world.installedVersion()).toBe("0.1.0");
    expect(installed()).toEqual(["0.1.0", "install.json"]);
    expect(readdirSync(join(world.root, "bin"))).toEqual(["llmlb"]);
    expect(world.receipt()).toMatchObject({ version: "0.1.0" });
  };

  each("a fresh installation, by a pipe", async () => {
    const { stdout, stderr, exitCode } = await run({ stdin: readFileSync(installScript, "utf8") });
    expect([stdout, exitCode]).toEqual([`llmlb 0.2.0 is installed in ${world.root}\n`, 0]);
    expect(stderr).toStartWith(`added ${world.root}/bin to PATH in ${world.home}/.bashrc`); // nothing else: no terminal
    expect(world.installedVersion()).toBe("0.2.0");
    expect(link()).toBe("../lib/llmlb/0.2.0/llmlb");
    expect(installed()).toEqual(["0.2.0", "install.json"]);
    expect(world.receipt()).toEqual({
      schema: 1,
      method: "install.sh",
      version: "0.2.0",
      previous: "",
      target,
      addons: [],
    });
    expect(world.read(".local/lib/llmlb/0.2.0/native/linux-x64/bridge.node")).toBe("cpu 0.2.0");
    expect(world.server.requests).toEqual(["SHA256SUMS", archiveOf("0.2.0")]);
  });

  each("over an old one: the one before is kept, older ones are not", async () => {
    await old();
    const { stdout } = await run();
    expect(stdout).toContain("it was 0.1.0");
    expect(world.receipt()).toMatchObject({ version: "0.2.0", previous: "0.1.0" });
    publish("0.3.0");
    await run();
    expect(world.installedVersion()).toBe("0.3.0");
    expect(installed()).toEqual(["0.2.0", "0.3.0", "install.json"]);
    publish("0.1.0", "0.2.0");
  });

  each("a certain version, written as it comes", async () => {
    for (const version of ["0.1.0", "v0.1.0"]) {
      await run({ env: { LLMLB_VERSION: version } });
      expect(world.installedVersion()).toBe("0.1.0");
    }
    await run({ args: ["--version=0.2.0", "--dir", join(world.home, "my own")] });
    expect(existsSync(join(world.home, "my own/bin/llmlb"))).toBe(true);
    expect((await run({ env: { LLMLB_VERSION: "9.9.9" } })).stderr).toContain("could not download");
    expect((await run({ args: ["--version", "../../etc"] })).stderr).toContain("is no version");
  });

  each("the same version again mends what is damaged", async () => {
    await run();
    writeFileSync(join(lib(), "0.2.0/native/linux-x64/bridge.node"), "damaged");
    const { exitCode } = await run();
    expect([exitCode, world.read(".local/lib/llmlb/0.2.0/native/linux-x64/bridge.node")]).toEqual([0, "cpu 0.2.0"]);
    expect(installed()).toEqual(["0.2.0", "install.json"]);
  });

  each("an archive with another content is refused", async () => {
    await old();
    const bytes = Buffer.from(releases["0.2.0"]?.files.get(archiveOf("0.2.0")) as Buffer);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    world.server.faults.set(archiveOf("0.2.0"), { bytes });
    const { stderr, exitCode } = await run();
    expect(stderr).toMatch(/is not what the release says \(sha256 \w{64}, expected \w{64}\); nothing was installed\n$/);
    expect(exitCode).toBe(1);
    expectUntouched();
  });

  each("a download that is cut changes nothing", async () => {
    await old();
    world.server.faults.set(archiveOf("0.2.0"), { cutAfter: 100 });
    const { stderr, exitCode } = await run();
    expect(stderr).toMatch(/could not download \S+\.tar\.gz\n$/);
    expect(exitCode).toBe(1);
    expectUntouched();
  });

  each("a release without a checksum for the archive is refused", async () => {
    await old();
    for (const [text, message] of [
      [`${"0".repeat(64)}  llmlb-0.2.0-other.tar.gz\n`, "has nothing for"],
      [`  ${archiveOf("0.2.0")}\n`, "has nothing for"],
      [`${"z".repeat(64)}  ${archiveOf("0.2.0")}\n`, "no valid checksum"],
      [`${"0".repeat(63)} *${archiveOf("0.2.0")}`, "no valid checksum"],
    ] as const) {
      world.server.faults.set("SHA256SUMS", { bytes: Buffer.from(text) });
      const { stderr, exitCode } = await run();
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(message)]);
    }
    expectUntouched();
  });

  each("without a tool for checksums nothing is downloaded; openssl and shasum do as well", async () => {
    const { stderr, exitCode } = await run({ without: ["sha256sum"] });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is needed to verify what is downloaded")]);
    expect(world.server.requests).toEqual([]);
    for (const tool of ["openssl", "shasum"]) {
      const path = Bun.which(tool);
      if (path === null) continue;
      world.reset();
      const tools = tool === "shasum" ? { shasum: `exec ${path} "$@"` } : { openssl: path };
      expect((await run({ without: ["sha256sum"], tools })).exitCode).toBe(0);
      expect(world.installedVersion()).toBe("0.2.0");
    }
  });

  each("an executable that says another version, or does not run, is not installed", async () => {
    await old();
    for (const executable of ['#!/bin/sh\necho "llmlb 0.1.9"\n', "#!/bin/sh\nexit 3\n", "\x7fELF but not really"]) {
      world.server.publish(await makeRelease({ version: "0.2.0", key, executable }));
      const { stderr, exitCode } = await run();
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("the new llmlb does not run here")]);
      expectUntouched();
    }
  });

  each("a disk that is full while the archive is unpacked changes nothing", async () => {
    await old();
    world.server.publish(await largeRelease());
    const { stderr, exitCode } = await run({ before: "ulimit -f 200" });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is the disk full?")]);
    expectUntouched();
  });

  test.skipIf(!shell.present || !canMount)("a small file system that is full, too", async () => {
    await old();
    world.server.publish(await largeRelease());
    const small = join(world.home, "small");
    mkdirSync(small);
    Bun.spawnSync([...mountSmall, small]);
    try {
      cpSync(world.root, join(small, "local"), { recursive: true, verbatimSymlinks: true });
      const { stderr, exitCode } = await run({ env: { LLMLB_INSTALL_DIR: join(small, "local") } });
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is the disk full?")]);
      expect(readdirSync(join(small, "local/lib/llmlb")).sort()).toEqual(["0.1.0", "install.json"]);
      expect(Bun.spawnSync([join(small, "local/bin/llmlb"), "--version"]).stdout.toString()).toBe("llmlb 0.1.0\n");
    } finally {
      Bun.spawnSync(["umount", small]);
    }
  });

  const asNobody = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
  test.skipIf(!shell.present || (isRoot && !Bun.which("setpriv")))("no permission to write", async () => {
    await old();
    if (!isRoot) Bun.spawnSync(["chmod", "-R", "a-w", world.root]);
    const { stderr, exitCode } = await run({ prefix: asNobody });
    if (!isRoot) Bun.spawnSync(["chmod", "-R", "u+w", world.root]);
    expect([exitCode, stderr]).toEqual([
      1,
      `llmlb install: cannot write to ${world.root}: choose another folder with LLMLB_INSTALL_DIR\n`,
    ]);
    expectUntouched();
  });

  each("uninstalling takes back all but the models", async () => {
    writeFileSync(join(world.home, ".bashrc"), "alias ll='ls -l'\n", { mode: 0o640 });
    mkdirSync(join(world.home, ".llmlb/models"), { recursive: true });
    await old();
    await run();
    expect(world.read(".bashrc")).toContain(`${world.root}/bin`);
    const { stderr, exitCode } = await run({ args: ["--uninstall"] });
    expect([exitCode, stderr]).toEqual([0, "llmlb is removed; models and settings are still in ~/.llmlb\n"]);
    expect(readdirSync(world.root)).toEqual(["bin"]);
    expect(readdirSync(join(world.root, "bin"))).toEqual([]);
    expect(readdirSync(world.home).sort()).toEqual([".bashrc", ".llmlb", ".local"]);
    expect(world.read(".bashrc")?.trim()).toBe("alias ll='ls -l'");
    expect((await run({ args: ["--uninstall"] })).stderr).toContain("llmlb is not installed");
  });

  each("through a proxy", async () => {
    await using proxy = await startForwardProxy();
    const { exitCode } = await run({ env: { http_proxy: proxy.url } });
    expect(exitCode).toBe(0);
    expect(new Set(proxy.seen)).toEqual(new Set([`GET ${new URL(world.server.url).host}`]));
  });

  each("a script that was cut anywhere does nothing", async () => {
    const script = readFileSync(installScript, "utf8").trimEnd();
    const lineEnds = [...script.matchAll(/\n/g)].map(({ index }) => index + 1);
    const lastBytes = Array.from({ length: 60 }, (_, back) => script.length - 1 - back);
    const [command = "", ...rest] = shell.command;
    for (const length of [...lineEnds, ...lastBytes]) {
      const child = Bun.spawn([command, ...rest, "-s"], {
        env: { HOME: world.home, PATH: process.env.PATH, LLMLB_DOWNLOAD_URL: world.server.url },
        stdin: new Blob([script.slice(0, length)]),
        stdout: "pipe",
        stderr: "ignore",
      });
      expect([await child.stdout.text(), length]).toEqual(["", length]);
      await child.exited;
    }
    expect(readdirSync(world.home)).toEqual([]);
    expect(world.server.requests).toEqual([]);
  });
});

/** With a file that a full disk has no room for; its archive is small. */
const largeRelease = async (): Promise<Release> => {
  const top = `llmlb-0.2.0-${target}`;
  const archive = await makeArchive([{ name: `${top}/llmlb`, content: new Uint8Array(4 << 20) }]);
  return await makeRelease({ version: "0.2.0", key, replaced: { [archiveOf("0.2.0")]: archive } });
};

const shell = shells.find(({ present }) => present);

describe.skipIf(!isLinuxX64 || !shell)("in any shell", () => {
  const run: InstallWorld["run"] = (options = {}) => world.run({ ...(shell && { shell }), ...options });

  test.skipIf(!Bun.which("shellcheck"))("shellcheck finds nothing", () => {
    const { stdout, exitCode } = Bun.spawnSync(["shellcheck", installScript]);
    expect([stdout.toString(), exitCode]).toEqual(["", 0]);
  });

  test.skipIf(!Bun.which("wget"))("GNU wget does as well as curl", async () => {
    const { exitCode } = await run({ without: ["curl"], tools: { wget: realTool("wget") ?? "" } });
    expect([exitCode, world.installedVersion()]).toEqual([0, "0.2.0"]);
    world.server.faults.set(archiveOf("0.2.0"), { status: 404 });
    expect((await run({ without: ["curl"], tools: { wget: realTool("wget") ?? "" } })).stderr).toContain(
      "could not download",
    );
  });

  test.skipIf(!Bun.which("busybox"))(
    "BusyBox's wget, which knows no certificates, only for a mirror by http",
    async () => {
      const machine = { without: ["curl"], tools: { wget: Bun.which("busybox") ?? "" } };
      expect((await run(machine)).exitCode).toBe(0);
      const { stderr, exitCode } = await run({
        ...machine,
        env: { LLMLB_DOWNLOAD_URL: "https://127.0.0.1:9/releases" },
      });
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("curl or GNU wget is needed")]);
    },
  );

  test("only http and https are addresses of releases", async () => {
    for (const url of ["ftp://x/y", "file:///etc", "x"]) {
      expect((await run({ args: ["--url", url] })).stderr).toContain("has to begin with https://");
    }
  });

  test("in CI no file of a shell is touched, and later steps of a GitHub job find it", async () => {
    const { stderr } = await run({ env: { CI: "true" } });
    expect(stderr).toStartWith(`${world.root}/bin is not in PATH`);
    const list = join(world.home, "github-path");
    expect((await run({ env: { CI: "true", GITHUB_PATH: list } })).stderr).toBe("");
    expect(readFileSync(list, "utf8")).toBe(`${world.root}/bin\n`);
    expect(readdirSync(world.home).sort()).toEqual([".local", "github-path"]);
  });

  test.each([
    ["/bin/bash", ".bashrc"],
    ["/usr/bin/zsh", ".zshrc"],
    ["/usr/bin/fish", ".config/fish/conf.d/llmlb.fish"],
  ])("%s: a line in %s, once, that brings llmlb into PATH", async (SHELL, file) => {
    const folder = join(world.home, "it's here");
    for (const _ of [1, 2]) await run({ env: { SHELL, LLMLB_INSTALL_DIR: folder } });
    expect(world.read(file)?.split("install script of llmlb").length).toBe(2);
    if (!Bun.which(SHELL.split("/").at(-1) ?? "")) return;
    const source = [
      SHELL.split("/").at(-1) ?? "",
      "-c",
      `. "$HOME/${file}"; . "$HOME/${file}"; llmlb --version; echo $PATH`,
    ];
    const { stdout } = Bun.spawnSync(source, { env: { HOME: world.home, PATH: "/usr/bin:/bin" } });
    expect(stdout.toString()).toStartWith("llmlb 0.2.0\n");
    expect(stdout.toString().split("it's here").length).toBe(2);
  });

  test("LLMLB_NO_MODIFY_PATH, an unknown shell and a PATH that has it: no file is touched", async () => {
    expect((await run({ env: { LLMLB_NO_MODIFY_PATH: "1" } })).stderr).toContain(
      "is not in PATH; add it: export PATH=",
    );
    expect((await run({ args: ["--no-modify-path"] })).stderr).toContain("is not in PATH");
    expect((await run({ env: { SHELL: "/bin/tcsh" } })).stderr).toContain("is not in PATH");
    expect(readdirSync(world.home)).toEqual([".local"]);
  });

  test("what is not ours in its place is left alone", async () => {
    mkdirSync(join(world.root, "bin"), { recursive: true });
    writeFileSync(join(world.root, "bin/llmlb"), "somebody's");
    for (const args of [[], ["--uninstall"]]) {
      const { stderr, exitCode } = await run({ args });
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/is not from this script|is not installed/)]);
    }
    expect(world.read(".local/bin/llmlb")).toBe("somebody's");
  });

  test("bin may be a link to somewhere else", async () => {
    mkdirSync(join(world.home, "deep/er/bin"), { recursive: true });
    mkdirSync(world.root);
    symlinkSync(join(world.home, "deep/er/bin"), join(world.root, "bin"));
    expect((await run()).exitCode).toBe(0);
    expect(world.installedVersion()).toBe("0.2.0");
    expect((await run({ args: ["--uninstall"] })).exitCode).toBe(0);
  });

  test("two at a time: the second says so; the lock of one that was killed is nobody's", async () => {
    mkdirSync(lib(), { recursive: true });
    symlinkSync(String(process.pid), join(lib(), ".lock"));
    expect((await run()).stderr).toContain(`another installation or upgrade is running (process ${process.pid})`);
    const dead = Bun.spawnSync(["true"]).pid;
    Bun.spawnSync(["ln", "-sfn", String(dead), join(lib(), ".lock")]);
    expect((await run()).exitCode).toBe(0);
    expect(installed()).toEqual(["0.2.0", "install.json"]);
  });

  const machine = (os: string, cpu: string) => ({ uname: `[ "$1" = -s ] && echo ${os} || echo ${cpu}` });

  test.each([
    ["musl", { ldd: 'echo "musl libc (x86_64)" >&2; exit 1' }, "this system has musl"],
    ["an old glibc", { getconf: '[ "$1" = GNU_LIBC_VERSION ] && echo "glibc 2.31" || echo 64' }, "has glibc 2.31"],
    ["an old glibc without getconf", { getconf: "exit 127", ldd: 'echo "ldd (GNU libc) 2.17"' }, "has glibc 2.17"],
    ["32 bits", { getconf: '[ "$1" = LONG_BIT ] && echo 32' }, "this system has 32 bits"],
    [
      "an old C++ library",
      { ldconfig: 'echo "	libstdc++.so.6 (libc6,x86-64) => /etc/hostname"' },
      "/etc/hostname is too old",
    ],
    ["another processor", machine("Linux", "armv7l"), "there is no release for armv7l processors"],
    ["another system", machine("FreeBSD", "amd64"), "there is no release for FreeBSD"],
    ["Windows", machine("MINGW64_NT-10.0", "x86_64"), "use install.ps1"],
  ])("%s is refused before anything is downloaded", async (_, tools, message) => {
    const { stderr, exitCode } = await run({ tools });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(world.server.requests).toEqual([]);
    expect(existsSync(world.root)).toBe(false);
  });

  test.each([
    ["Linux", "aarch64", "", "linux-arm64"],
    ["Darwin", "arm64", "", "darwin-arm64"],
    ["Darwin", "x86_64", "0", "darwin-x64"],
    ["Darwin", "x86_64", "1", "darwin-arm64"], // a shell under Rosetta
  ])("%s on %s %s is %s", async (os, cpu, translated, name) => {
    const { exitCode } = await run({ tools: { ...machine(os, cpu), sysctl: `echo ${translated}` } });
    expect([exitCode, world.receipt().target]).toEqual([0, name]);
  });

  const libraries = (...names: string[]) =>
    `echo "	libstdc++.so.6 (libc6,x86-64) => ${Bun.spawnSync(["sh", "-c", "/sbin/ldconfig -p | sed -n 's/.*libstdc++.so.6 (.*64.*) => //p'"]).stdout.toString().trim()}"
${names.map((name) => `echo "	${name} (libc6,x86-64) => /usr/lib/${name}"`).join("\n")}`;
  const cudaLibraries = ["libcudart.so.13", "libcublas.so.13"];

  test.each([
    ["an NVIDIA GPU with CUDA 13", [...cudaLibraries, "libvulkan.so.1"], ["cuda"]],
    ["an NVIDIA GPU without CUDA's libraries", ["libcudart.so.12", "libvulkan.so.1"], ["vulkan"]],
    ["an NVIDIA GPU without Vulkan's loader", [], []],
  ])("%s", async (_, names, addons) => {
    const tools = { "nvidia-smi": "echo GPU 0", ldconfig: libraries(...names) };
    const { stderr, exitCode } = await run({ tools, env: { LLMLB_BACKEND: "auto" } });
    expect([exitCode, world.receipt().addons]).toEqual([0, addons]);
    for (const addon of addons)
      expect(world.read(`.local/lib/llmlb/0.2.0/native/linux-x64-${addon}/bridge.node`)).toBe(`${addon} 0.2.0`);
    if (addons.length === 0) expect(stderr).toContain("no Vulkan loader");
  });

  test("CUDA's libraries count where LD_LIBRARY_PATH has them", async () => {
    const folder = join(world.home, "cuda");
    mkdirSync(folder);
    for (const name of cudaLibraries) writeFileSync(join(folder, name), "");
    const tools = { "nvidia-smi": "echo GPU 0", ldconfig: libraries("libvulkan.so.1") };
    await run({ tools, env: { LLMLB_BACKEND: "auto", LD_LIBRARY_PATH: `/nowhere:${folder}` } });
    expect(world.receipt().addons).toEqual(["cuda"]);
  });

  test("libraries that were asked for stay with the next version, and --backend cpu leaves them out", async () => {
    await run({ env: { LLMLB_VERSION: "0.1.0" }, args: ["--backend", "vulkan"] });
    await run({ env: { LLMLB_BACKEND: "auto" } });
    expect(world.read(".local/lib/llmlb/0.2.0/native/linux-x64-vulkan/bridge.node")).toBe("vulkan 0.2.0");
    await run({ args: ["--backend=cpu"] });
    expect(world.receipt().addons).toEqual([]);
  });

  test("a release without them: auto goes on, what was asked for by name is an error", async () => {
    world.server.publish(await makeRelease({ version: "0.2.0", key, addons: [] }));
    const tools = { "nvidia-smi": "echo GPU 0", ldconfig: libraries(...cudaLibraries) };
    const { stderr, exitCode } = await run({ tools, env: { LLMLB_BACKEND: "auto" } });
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("this release has no cuda libraries")]);
    expect((await run({ args: ["--backend", "vulkan"] })).stderr).toContain(
      "the release has no llmlb-0.2.0-gpu-vulkan",
    );
    expect((await run({ args: ["--backend", "rocm"] })).stderr).toContain('unknown backend "rocm"');
  });

  // Each tool that the script calls is the last thing that happens, one after another.
  test("killed at any moment, the old or the new version works, and the next run finishes", async () => {
    await run({ env: { LLMLB_VERSION: "0.1.0" } });
    const before = join(world.home, "before");
    cpSync(world.root, before, { recursive: true, verbatimSymlinks: true });
    const count = join(world.home, "count");
    const names = ["curl", "tar", "mkdir", "mv", "ln", "rm", "rmdir", "sync", "sha256sum", "find", "sed", "readlink"];
    const killer = (name: string) =>
      `read -r n <${count}; n=$((n+1)); echo $n >${count}; [ $n = "$KILL_AT" ] && kill -9 0; exec ${realTool(name)} "$@"`;
    const tools = Object.fromEntries(names.map((name) => [name, killer(name)]));
    let killed = 0;
    for (;;) {
      Bun.spawnSync(["rm", "-rf", world.root]);
      cpSync(before, world.root, { recursive: true, verbatimSymlinks: true });
      writeFileSync(count, "0\n");
      const { killed: now } = await run({ tools, env: { KILL_AT: String(killed + 1) } });
      if (!now) break;
      killed++;
      expect([killed, world.installedVersion()]).toEqual([killed, expect.stringMatching(/^0\.[12]\.0$/)]);
      if (killed % 3 !== 0) continue; // a second run for each third of the moments is enough
      expect((await run()).exitCode).toBe(0);
      expect([world.installedVersion(), ...installed()]).toEqual(["0.2.0", "0.1.0", "0.2.0", "install.json"]);
      expect(world.receipt()).toMatchObject({ version: "0.2.0", previous: "0.1.0" });
      expect(readdirSync(join(world.root, "bin"))).toEqual(["llmlb"]);
    }
    expect(killed).toBeGreaterThan(20);
    expect(world.installedVersion()).toBe("0.2.0");
  });
});
