/** `bun run bench [NAME...]`: each benchmark measures llmlb beside a peer in one run and prints medians and ratios. */
const benches: Record<string, () => Promise<unknown>> = {
  start: async () => (await import("./start.ts")).benchStart(),
  engine: async () => (await import("./engine.ts")).benchEngine(),
  pull: async () => (await import("./pull.ts")).benchPull(),
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown) {
  console.error(`Error: unknown benchmark "${unknown}"; known: ${Object.keys(benches).join(", ")}`);
  process.exit(1);
}
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  console.log(`# ${name}`);
  console.log(JSON.stringify(await benches[name]?.(), null, 2));
}

export {};
