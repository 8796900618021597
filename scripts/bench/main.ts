import { parseArgs } from "node:util";

interface BenchOptions {
  only: string;
  netns: boolean;
  minutes: number;
  faults: boolean;
}

/**
 * `bun run bench [NAME...] [--only TEXT]`: each benchmark measures llmlb beside a peer in one run and prints medians and ratios.
 * `--only`: the rows of `engine` or `cluster` that have TEXT in their name, for `shards` and `dashboard` another executable; `router --only memory` runs ten minutes
 * and nothing else. `cluster --netns`: in network namespaces, as root. `soak --minutes N [--faults]`: a whole cluster for so long.
 */
const benches: Record<string, (options: BenchOptions) => Promise<unknown>> = {
  start: async () => (await import("./start.ts")).benchStart(),
  engine: async ({ only }) => (await import("./engine.ts")).benchEngine(only),
  repl: async () => (await import("./repl.ts")).benchRepl(),
  cluster: async ({ only, netns }) => (await import("./cluster.ts")).benchCluster({ only, netns }),
  vision: async () => (await import("./vision.ts")).benchVision(),
  parity: async () => (await import("./parity.ts")).benchParity(),
  soak: async ({ minutes, faults }) =>
    minutes > 0
      ? (await import("./soak-cluster.ts")).benchClusterSoak({ minutes, faults })
      : (await import("./soak.ts")).benchSoak(),
  crowd: async () => (await import("./crowd.ts")).benchCrowd(),
  convert: async () => (await import("./convert.ts")).benchConvert(),
  shards: async ({ only }) => (await import("./shards.ts")).benchShards(only === "" ? {} : { executable: only }),
  pull: async () => (await import("./pull.ts")).benchPull(),
  choice: async () => (await import("./choice.ts")).benchChoice(),
  fleet: async () => (await import("./fleet.ts")).benchFleet(),
  kills: async () => (await import("./kills.ts")).benchKills(),
  router: async ({ only }) => (await import("./router.ts")).benchRouter(only),
  dashboard: async ({ only }) => (await import("./dashboard.ts")).benchDashboard(only === "" ? {} : { program: only }),
};

const { values, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    netns: { type: "boolean" },
    minutes: { type: "string" },
    faults: { type: "boolean" },
  },
});
const { only = "", netns = false, minutes = "0", faults = false } = values;
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown) {
  console.error(`Error: unknown benchmark "${unknown}"; known: ${Object.keys(benches).join(", ")}`);
  process.exit(1);
}
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  console.log(`# ${name}`);
  console.log(JSON.stringify(await benches[name]?.({ only, netns, minutes: Number(minutes), faults }), null, 2));
}
