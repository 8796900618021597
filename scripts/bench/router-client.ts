/** A client that costs little beside what it measures: one request after another on a socket of its own. */
export interface Route extends AsyncDisposable {
  /** Milliseconds from the request to the end of its answer. */
  ask(): Promise<number>;
}

const message = { role: "user", content: "Tell me about the weather in Kyoto in November, please." };

const write = (body: object): string => {
  const text = JSON.stringify({ model: "m", messages: [message], ...body });
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
};

const connect = async (port: number, onText: (text: string) => void) => {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_socket, bytes) => onText(bytes.toString("latin1")),
      close: () => lost.reject(new Error("the connection was closed")),
      error: (_socket, error) => lost.reject(error),
    },
  });
  return { socket, lost: lost.promise };
};

export const request = async (port: number): Promise<Route> => {
  let done = Promise.withResolvers<void>();
  let received = "";
  const { socket, lost } = await connect(port, (text) => {
    received += text;
    const head = received.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = /content-length: (\d+)/i.exec(received)?.[1];
    const whole = length ? received.length >= head + 4 + Number(length) : received.endsWith("0\r\n\r\n");
    if (!whole) return;
    if (!received.startsWith("HTTP/1.1 200")) throw new Error(received.slice(0, 500));
    received = "";
    done.resolve();
  });
  const bytes = Buffer.from(write({}));
  return {
    async ask() {
      done = Promise.withResolvers();
      const fromMs = performance.now();
      socket.write(bytes);
      await Promise.race([done.promise, lost]);
      return performance.now() - fromMs;
    },
    [Symbol.asyncDispose]: async () => void socket.terminate(),
  };
};

const nowMs = () => performance.timeOrigin + performance.now();

/** How long each chunk was under way, over so many streams at once. */
export const streamDelays = async (port: number, stream: { chunks: number; everyMs: number }, streams: number) => {
  const delays: number[] = [];
  await Promise.all(
    Array.from({ length: streams }, async () => {
      const done = Promise.withResolvers<void>();
      const { socket, lost } = await connect(port, (text) => {
        const atMs = nowMs();
        for (const [, sent] of text.matchAll(/"sent":([\d.]+)/g)) delays.push(atMs - Number(sent));
        if (text.includes("[DONE]")) done.resolve();
      });
      socket.write(write({ stream }));
      await Promise.race([done.promise, lost]);
      socket.terminate();
    }),
  );
  if (delays.length !== streams * stream.chunks)
    throw new Error(`${delays.length} chunks of ${streams * stream.chunks}`);
  delays.sort((a, b) => a - b);
  return { p50: delays[delays.length >> 1] ?? 0, p99: delays[Math.floor(delays.length * 0.99)] ?? 0 };
};

/** Streams that have begun and go on, until they are closed. */
export const openStreams = async (port: number, count: number) => {
  const opened = await Promise.all(
    Array.from({ length: count }, async () => {
      const begun = Promise.withResolvers<void>();
      const { socket, lost } = await connect(port, (text) => text.includes('"sent"') && begun.resolve());
      socket.write(write({ stream: { chunks: 100_000, everyMs: 1_000 } }));
      await Promise.race([begun.promise, lost]);
      return socket;
    }),
  );
  return {
    close: async () => {
      for (const socket of opened) socket.terminate();
      await Bun.sleep(500);
    },
  };
};
