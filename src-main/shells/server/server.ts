/** The application as a local web server: the page and its files over HTTP, the calls over a WebSocket. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { socket as socketAddress } from '../../../src-shared/api.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { Port } from '../../../src-shared/rpc.ts';
import { answer } from '../answer.ts';
import type { Respond } from '../respond.ts';
import type { Asking } from './access.ts';
import { Access } from './access.ts';
import { requestOf, send } from './http.ts';
import { refusal } from './refusal.ts';
import { maxPayload, socketPort } from './socket-port.ts';

/** Where it listens unless a port was asked for: this one, or the next that is free. */
export const usualPort = 4280;
const triedPorts = 20;

/** How often each page is asked whether it is still there. */
const heartbeatMilliseconds = 30_000;

export interface ServerOptions {
  /** Name or address to listen on. */
  host: string;
  /** 0 for any that is free; null for {@link usualPort} or one of the next. */
  port: number | null;
  respond: Respond;
  /** Serves a page that has connected. */
  connect: (port: Port) => void;
  /** Hears the address to open, each time that there is a new one. */
  onAddress: (address: string) => void;
}

export interface Server {
  /** Without the token. */
  readonly address: string;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** @throws AppError `server.port-taken`, `server.port-forbidden`, `server.bad-host` */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { host, respond, connect, onAddress } = options;
  const access = new Access(host, () => tellAddress());
  const server = createServer((message, response) => {
    void answerTo(message).then((given) => send(given, response));
  });
  // A large upload over a slow tunnel takes as long as it takes.
  server.requestTimeout = 0;
  const sockets = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false });

  const answerTo = async (message: IncomingMessage): Promise<Response> => {
    const verdict = access.judge(asking(message, false));
    switch (verdict.kind) {
      case 'refused':
        return refusal(verdict.status, verdict.error, message.headers);
      case 'enter':
        return answer(303, { location: '/', 'set-cookie': verdict.cookie });
      case 'welcome':
        return respond(requestOf(message));
    }
  };

  server.on('upgrade', (message: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => stream.destroy());
    const verdict = access.judge(asking(message, true));
    if (verdict.kind !== 'welcome') {
      const status = verdict.kind === 'refused' ? verdict.status : 400;
      refuseUpgrade(stream, status);
    } else if (new URL(message.url ?? '', 'http://localhost').pathname !== `/${socketAddress}`) {
      refuseUpgrade(stream, 404);
    } else {
      sockets.handleUpgrade(message, stream, head, (socket) => {
        watch(socket);
        connect(socketPort(socket));
      });
    }
  });

  await listen(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  const address = addressOf(host, port);
  const tellAddress = () => onAddress(`${address}?token=${access.token}`);
  tellAddress();
  return {
    address,
    async close() {
      for (const socket of sockets.clients) socket.close(1001);
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const socket of sockets.clients) socket.terminate();
      await closed;
    },
  };
}

function asking({ method = '', url = '', headers }: IncomingMessage, upgrade: boolean): Asking {
  return { method, url, headers, upgrade };
}

function refuseUpgrade(stream: Duplex, status: number): void {
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Ends a connection whose other end is gone without a word, as with a tunnel that broke. */
function watch(socket: WebSocket): void {
  let answered = true;
  socket.on('pong', () => (answered = true));
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, heartbeatMilliseconds);
  socket.on('close', () => clearInterval(timer));
}

/** Where a browser on this machine finds it. */
function addressOf(host: string, port: number): string {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIPv6(own) ? `[${own}]` : own}:${port}/`;
}

async function listen(server: ReturnType<typeof createServer>, host: string, wanted: number | null) {
  const last = wanted ?? usualPort + triedPorts - 1;
  for (let port = wanted ?? usualPort; ; port++) {
    try {
      server.listen(port, host);
      await once(server, 'listening');
      return;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'EADDRINUSE' || port >= last) throw refusalToListen(code, error, host, port);
    }
  }
}

function refusalToListen(code: unknown, error: unknown, host: string, port: number): unknown {
  const told = (name: string, message: string) =>
    new AppError(name, message, { host, port }, { cause: error });
  switch (code) {
    case 'EADDRINUSE':
      return told(
        'server.port-taken',
        `Port ${port} is in use by another program. Give another one with --port, or leave --port out to take one that is free.`,
      );
    case 'EACCES':
      return told(
        'server.port-forbidden',
        `You may not listen on port ${port}. Give one above 1023 with --port.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return told(
        'server.bad-host',
        `"${host}" is no address of this machine. Leave --host out to listen for this machine alone, or give one of its addresses.`,
      );
    default:
      return error;
  }
}
