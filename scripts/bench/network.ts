/** A computer of its own as far as the network goes. */
export interface Machine {
  readonly address: string;
  /** The command line that runs a command there. */
  inside(command: readonly string[]): string[];
  /** Pulls its cable, or plugs it in again: packets vanish, and nobody is told. */
  plug(isIn: boolean): Promise<void>;
  /** Every packet from it is late; false where the kernel has no netem. */
  slow(delayMs: number): Promise<boolean>;
}

/** Machines on one switch, which exist on this computer only. */
export interface Network extends AsyncDisposable {
  machine(): Promise<Machine>;
}

const ip = async (...words: string[]): Promise<void> => {
  const child = Bun.spawn(["ip", ...words], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [said, exitCode] = await Promise.all([child.stderr.text(), child.exited]);
  if (exitCode !== 0) throw new Error(`ip ${words.join(" ")}: ${said.trim()}`);
};

const works = (...command: string[]): boolean =>
  Bun.which(command[0] as string) !== null && Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).success;

/** Network namespaces want root, iproute2 and a kernel that lends them. */
export const canMakeNetworks = (): boolean => {
  const name = `llmlb${process.pid}try`;
  return process.getuid?.() === 0 && works("ip", "netns", "add", name) && works("ip", "netns", "del", name);
};

/** A bridge, and a namespace with a pair of virtual cards for each machine. */
export const createNetwork = async (): Promise<Network> => {
  const id = `llb${process.pid % 1_000_000}`; // names of cards have 15 characters at most
  const subnet = `10.77.${process.pid % 250}`;
  const namespaces: string[] = [];
  await ip("link", "add", id, "type", "bridge");
  await ip("address", "add", `${subnet}.254/24`, "dev", id);
  await ip("link", "set", id, "up");
  return {
    async machine() {
      const number = namespaces.length + 1;
      const name = `${id}n${number}`;
      const address = `${subnet}.${number}`;
      await ip("netns", "add", name);
      namespaces.push(name);
      await ip("link", "add", `${id}v${number}`, "type", "veth", "peer", "name", "eth0", "netns", name);
      await ip("link", "set", `${id}v${number}`, "master", id, "up");
      await ip("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
      for (const card of ["lo", "eth0"]) await ip("-n", name, "link", "set", card, "up");
      return {
        address,
        inside: (command) => ["ip", "netns", "exec", name, ...command],
        plug: (isIn) => ip("-n", name, "link", "set", "eth0", isIn ? "up" : "down"),
        slow: async (delayMs) =>
          works("tc", "-n", name, "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", `${delayMs}ms`),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const name of namespaces) await ip("netns", "del", name).catch(() => undefined);
      await ip("link", "del", id).catch(() => undefined);
    },
  };
};
