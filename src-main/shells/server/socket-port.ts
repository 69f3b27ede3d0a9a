/** The end of a connection that a WebSocket carries. */
import type { WebSocket } from 'ws';
import { maxMessage, type Port } from '../../../src-shared/rpc.ts';

/** Longest message in bytes that is read at all. What lies above `maxMessage` is answered with an error; what lies above this ends the connection. */
export const maxPayload = 16 * maxMessage;

/** Bytes that may wait for a page that does not read them; above it is taken for dead, and connects again when it is not. */
const maxWaiting = 256 * 2 ** 20;

/** A port over an open WebSocket of the package `ws`. */
export function socketPort(socket: WebSocket): Port {
  // `close` follows, and tells enough.
  socket.on('error', () => undefined);
  return {
    post(message) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(message);
      if (socket.bufferedAmount > maxWaiting) socket.terminate();
    },
    onMessage(listen) {
      socket.on('message', (data) => listen((data as Buffer).toString('utf8')));
    },
    onClose(listen) {
      socket.on('close', () => listen());
    },
  };
}
