import { socket as socketAddress } from '../src-shared/api.ts';
import { AppError } from '../src-shared/errors.ts';
import type { OpenPort } from './state/api-client.svelte.ts';

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
 * @throws AppError `connection.refused` (the page's key is not valid), `connection.failed` (nobody answers)
 */
export async function openPort(): Promise<OpenPort> {
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
  const closing: (() => void)[] = [];
  let isOpen = true;
  const end = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const listen of closing) listen();
  };
  socket.addEventListener('close', end);
  return {
    post(message) {
      if (socket.readyState === WebSocket.OPEN) socket.send(message);
    },
    onMessage(listen) {
      socket.addEventListener('message', ({ data }) => {
        if (typeof data === 'string') listen(data);
      });
    },
    onClose(listen) {
      if (isOpen) closing.push(listen);
      else queueMicrotask(listen);
    },
    close() {
      // The socket itself waits for an answer to its farewell, which a dead connection never gives.
      socket.close();
      end();
    },
  };
}
