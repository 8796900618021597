import type { WebSocketHandler } from "bun";

/** What happens on one WebSocket; `server.upgrade(request, { data: peer })` makes one of a request. */
export interface SocketPeer {
  opened(socket: { send(text: string): void; close(): void }): void;
  message(text: string): void;
  closed(): void;
}

const messageMaxBytes = 16 * 2 ** 20; // a listing of 10,000 models is 5 MB
const silenceSeconds = 30; // of the connection itself: Bun pings the other side, so a machine that is gone is noticed

export const socketHandlers: WebSocketHandler<SocketPeer> = {
  maxPayloadLength: messageMaxBytes,
  idleTimeout: silenceSeconds,
  sendPings: true,
  open: (socket) =>
    socket.data.opened({ send: (text) => void socket.send(text), close: () => socket.close(1001, "going away") }),
  message: (socket, message) => socket.data.message(String(message)),
  close: (socket) => socket.data.closed(),
};
