import { freePort } from "./free-port.ts";

const startTimeoutMs = 30_000;
const pollMs = 20;

/** Runs `use` with the address of a llama-server (see `buildLlamaServer`) that has loaded `model`, on one thread, and ends it. */
export const withLlamaServer = async <T>(
  server: string,
  model: string,
  settings: readonly (string | number)[],
  use: (base: string) => Promise<T>,
): Promise<T> => {
  const port = await freePort();
  const all = [...settings, "--parallel", 1, "--threads", 1, "--host", "127.0.0.1", "--port", port];
  const child = Bun.spawn([server, "--model", model, ...all.map(String)], { stdout: "ignore", stderr: "pipe" });
  const log = new Response(child.stderr).text();
  const base = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${base}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  const ready = async () => {
    for (const end = Date.now() + startTimeoutMs; Date.now() < end; await Bun.sleep(pollMs)) {
      if (child.exitCode !== null) throw new Error(`llama-server ended while loading ${model}:\n${await log}`);
      if (await isReady()) return;
    }
    throw new Error(`llama-server did not load ${model} within ${startTimeoutMs} ms`);
  };
  try {
    await ready();
    return await use(base);
  } finally {
    child.kill();
    await child.exited;
  }
};
