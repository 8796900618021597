import { AppError } from "../core/errors.ts";

const stdinMaxBytes = 64 * 1024 * 1024; // far above any context length; keeps `cat /dev/zero |` from eating the memory

/** All of standard input as text. Throws `invalid_argument` past 64 MiB and the signal's reason when it fires. */
export const readStdin = async (signal: AbortSignal): Promise<string> => {
  const reader = Bun.stdin.stream().getReader();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined); // may come when nobody waits any more
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), aborted]);
    if (done) return new TextDecoder().decode(Buffer.concat(chunks));
    sizeBytes += value.byteLength;
    if (sizeBytes > stdinMaxBytes) throw new AppError("invalid_argument", "standard input is larger than 64 MiB");
    chunks.push(value);
  }
};
