import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";

/** A proxy on loopback, as companies have one: forwards plain requests, tunnels the others, and keeps a list of both. */
export interface ForwardProxy extends AsyncDisposable {
  /** As `http://127.0.0.1:PORT`. */
  url: string;
  /** `GET host:port` or `CONNECT host:port`, in order of arrival. */
  seen: string[];
}

/** With `status` it refuses everything. */
export const startForwardProxy = async (options: { status?: number } = {}): Promise<ForwardProxy> => {
  const { status } = options;
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? "");
    seen.push(`${incoming.method} ${target.host}`);
    if (status !== undefined) return void outgoing.writeHead(status).end();
    const forwarded = request(target, { method: incoming.method ?? "GET", headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  server.on("connect", ({ url = "" }, socket) => {
    seen.push(`CONNECT ${url}`);
    if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`);
    const { hostname, port } = new URL(`http://${url}`);
    const upstream = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
};
