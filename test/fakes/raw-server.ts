import { createServer, type Socket } from "node:net";

export interface RawServer extends AsyncDisposable {
  url: string;
  /** Requests so far, as they came. */
  requests: string[];
  connections: number;
}

/** A server that does to a connection what the test says, for each request that came in full. */
export const rawServer = async (answer: (socket: Socket, request: string, nth: number) => void): Promise<RawServer> => {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const state = { connections: 0 };
  const server = createServer((socket) => {
    state.connections++;
    sockets.add(socket);
    let text = "";
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      text += data;
      const [head = "", ...rest] = text.split("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (rest.length === 0 || Buffer.byteLength(rest.join("\r\n\r\n")) < length) return;
      requests.push(text);
      const whole = text;
      text = "";
      answer(socket, whole, requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return state.connections;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

export const jsonAnswer = (value: unknown, { status = "200 OK", headers = "" } = {}): string => {
  const body = JSON.stringify(value);
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
};

export const sseHead = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

export const chunk = (bytes: string | Uint8Array): Buffer => {
  const data = Buffer.from(bytes as string);
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
};

export const lastChunk = "0\r\n\r\n";
