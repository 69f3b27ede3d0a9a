/** Connections of every kind that a shell has, for tests over each of them. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { messagePort } from '../../src-main/shells/electron/message-port.ts';
import { maxPayload, socketPort } from '../../src-main/shells/server/socket-port.ts';
import type { Port } from '../../src-shared/rpc.ts';
import { MessageChannelMain } from '../desktop/electron/ports.ts';

/** The two ends of one connection. */
export interface Ends {
  /** Whose messages come as they were posted, valid or not. */
  near: Port;
  far: Port;
  /** Ends the connection as a page does that is closed. */
  close(): void;
}

/** Two ends in one process; messages arrive in order, after what posted them has returned. */
export function memoryEnds(): Promise<Ends> {
  let open = true;
  const closing: (() => void)[] = [];
  const end = (hears: ((message: string) => void)[], tells: ((message: string) => void)[]): Port => ({
    post(message) {
      if (!open) return;
      queueMicrotask(() => {
        if (open) for (const listen of tells) listen(message);
      });
    },
    onMessage: (listen) => hears.push(listen),
    onClose: (listen) => closing.push(listen),
  });
  const near: ((message: string) => void)[] = [];
  const far: ((message: string) => void)[] = [];
  const close = () => {
    if (!open) return;
    open = false;
    for (const listen of closing) listen();
  };
  onTestFinished(close);
  return Promise.resolve({ near: end(near, far), far: end(far, near), close });
}

/** Two ends of a real WebSocket. */
async function socketEnds(): Promise<Ends> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[WebSocket]>;
  const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[far]] = await Promise.all([connected, once(near, 'open')]);
  return { near: socketPort(near), far: socketPort(far), close: () => near.close() };
}

/** Two ends of a MessagePort: Node's own, in the form of Electron's. */
function portEnds(): Promise<Ends> {
  const { port1, port2 } = new MessageChannelMain();
  onTestFinished(() => port1.close());
  return Promise.resolve({ near: messagePort(port1), far: messagePort(port2), close: () => port1.close() });
}

/** Every kind, for `describe.each`. */
export const kindsOfEnds = [
  { kind: 'memory', ends: memoryEnds },
  { kind: 'WebSocket', ends: socketEnds },
  { kind: 'MessagePort', ends: portEnds },
] as const;
