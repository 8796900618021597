import { AppError } from "../core/errors.ts";

/** Reads a response's body, at most `maxBytes`; throws `hub_unavailable` beyond. */
export const readBounded = async (response: Response, maxBytes: number, what: string): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of response.body ?? []) {
    total += chunk.length;
    if (total > maxBytes) throw new AppError("hub_unavailable", `${what} is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
};
