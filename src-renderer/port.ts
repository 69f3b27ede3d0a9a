import { socket as socketAddress } from '../src-shared/api.ts';
import type { Desktop } from '../src-shared/desktop.ts';
import { portMessage } from '../src-shared/desktop.ts';
import { AppError } from '../src-shared/errors.ts';
import type { OpenPort } from './state/api-client.svelte.ts';

/** The end of a connection, which comes once, from either side. */
class Ending {
  #listeners: (() => void)[] | null = [];

  come(): void {
    const listeners = this.#listeners ?? [];
    this.#listeners = null;
    for (const listen of listeners) listen();
  }

  listen(listen: () => void): void {
    if (this.#listeners === null) queueMicrotask(listen);
    else this.#listeners.push(listen);
  }
}

/** Whether the server turned this page away because it does not know its key. */
async function isRefused(): Promise<boolean> {
  try {
    return (await fetch(document.baseURI, { method: 'HEAD', cache: 'no-store' })).status === 401;
  } catch {
    return false;
  }
}

/**
 * A new connection to the core that this page came from.
 * @param desktop what the desktop app gives its page; undefined in a browser
 * @throws AppError `connection.refused` (the page's key is not valid), `connection.failed` (nobody answers)
 */
export function openPort(desktop: Desktop | undefined): Promise<OpenPort> {
  return desktop === undefined ? openSocket() : openChannel(desktop);
}

async function openChannel(desktop: Desktop): Promise<OpenPort> {
  const port = await new Promise<MessagePort>((resolve) => {
    const hear = ({ source, data, ports }: MessageEvent) => {
      if (source !== window || data !== portMessage || ports[0] === undefined) return;
      window.removeEventListener('message', hear);
      resolve(ports[0]);
    };
    window.addEventListener('message', hear);
    desktop.connect();
  });
  const ending = new Ending();
  port.addEventListener('close', () => ending.come());
  return {
    post: (message) => port.postMessage(message),
    onMessage(listen) {
      port.addEventListener('message', ({ data }) => {
        if (typeof data === 'string') listen(data);
      });
      port.start();
    },
    onClose: (listen) => ending.listen(listen),
    close() {
      port.close();
      ending.come();
    },
  };
}

async function openSocket(): Promise<OpenPort> {
  const address = new URL(socketAddress, document.baseURI);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(address);
  const opened = await new Promise<boolean>((resolve) => {
    socket.addEventListener('open', () => resolve(true));
    socket.addEventListener('close', () => resolve(false));
  });
  if (!opened) {
    // A page is not told why a WebSocket was not opened.
    throw (await isRefused())
      ? new AppError('connection.refused', "This page's key is no longer valid.")
      : new AppError('connection.failed', 'Ganvas does not answer.');
  }
  const ending = new Ending();
  socket.addEventListener('close', () => ending.come());
  return {
    post(message) {
      if (socket.readyState === WebSocket.OPEN) socket.send(message);
    },
    onMessage(listen) {
      socket.addEventListener('message', ({ data }) => {
        if (typeof data === 'string') listen(data);
      });
    },
    onClose: (listen) => ending.listen(listen),
    close() {
      // The socket itself waits for an answer to its farewell, which a dead connection never gives.
      socket.close();
      ending.come();
    },
  };
}
