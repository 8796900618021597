import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { hideLogin } from "../core/hide-login.ts";

export interface Reader {
  clock: Clock;
  signal: AbortSignal;
}

/** An answer whose body is still to come. */
export interface OpenedFile {
  url: string;
  /** Chunks of the body. Throws `connection` when it breaks, or when nothing has come for a minute. */
  body: AsyncIterable<Uint8Array>;
}

const redirectsMax = 5; // GitHub uses two: the newest version, then where the bytes are
const headersTimeoutMs = 30_000;
const silenceMaxMs = 60_000;

/** Opens a file of a release. Throws `connection`, or `not_found`. Redirects never lead from https to http. */
export const openRelease = async (reader: Reader, url: string): Promise<OpenedFile> => {
  const silence = new AbortController();
  const watch = watchSilence(reader.clock, silence);
  try {
    watch.expect(headersTimeoutMs);
    const response = await follow(url, AbortSignal.any([reader.signal, silence.signal]));
    watch.stop();
    if (response.status === 404) throw new AppError("not_found", `there is no ${hideLogin(url)}`);
    if (!response.ok)
      throw new AppError("connection", `${new URL(url).host} answered ${response.status} for ${hideLogin(url)}`);
    return { url, body: readBody(reader, response, url, watch) };
  } catch (error) {
    watch.stop();
    throw asConnectionError(error, url, reader.signal);
  }
};

const follow = async (url: string, signal: AbortSignal): Promise<Response> => {
  let current = url;
  for (let redirects = 0; redirects <= redirectsMax; redirects++) {
    const response = await fetch(current, {
      redirect: "manual",
      headers: { "user-agent": "llmlb", "accept-encoding": "identity" },
      decompress: false, // bytes are wanted as they were signed
      signal,
    });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, current) ? new URL(location, current) : undefined;
    if (!next || !(next.protocol === "https:" || (next.protocol === "http:" && current.startsWith("http:"))))
      throw new AppError("connection", `${new URL(current).host} redirects to an address that is refused`);
    current = next.href;
  }
  throw new AppError("connection", `${new URL(url).host} redirects in a circle`);
};

async function* readBody(
  reader: Reader,
  response: Response,
  url: string,
  watch: ReturnType<typeof watchSilence>,
): AsyncIterable<Uint8Array> {
  try {
    watch.expect(silenceMaxMs);
    for await (const chunk of response.body ?? []) {
      watch.expect(silenceMaxMs);
      yield chunk;
    }
  } catch (error) {
    throw asConnectionError(error, url, reader.signal);
  } finally {
    watch.stop();
  }
}

const watchSilence = (clock: Clock, controller: AbortController) => {
  let cancel: () => void = () => undefined;
  return {
    /** Something has to come within `ms`. */
    expect: (ms: number) => {
      cancel();
      cancel = clock.after(ms, () => controller.abort(new Error("it went silent")));
    },
    stop: () => cancel(),
  };
};

const asConnectionError = (error: unknown, url: string, signal: AbortSignal): unknown => {
  if (error instanceof AppError) return error;
  if (signal.aborted) return signal.reason;
  const reason = error instanceof Error ? error.message : String(error);
  return new AppError("connection", `cannot download ${hideLogin(url)}: ${hideLogin(reason)}`, { cause: error });
};

/** Reads a small file whole. Throws `corrupt` beyond `maxBytes`. */
export const readSmall = async ({ body }: OpenedFile, maxBytes: number, what: string): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > maxBytes) throw new AppError("corrupt", `${hideLogin(what)} is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
};
