/** Adds nodes to a registry for ever, and tells each one that is safe. */
import { openSqliteRegistry } from "../../src/router/registry/sqlite-registry.ts";

const registry = openSqliteRegistry(process.argv[2] ?? "");
for (let index = 0; ; index++) {
  const id = `node${index}`;
  await registry.saveNode({
    id,
    url: `http://127.0.0.1:${index}`,
    kind: "ollama",
    joined: false,
    draining: false,
    addedAtMs: index,
  });
  process.stdout.write(`${id}\n`);
}
