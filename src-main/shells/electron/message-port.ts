/** The end of a connection that a MessagePort carries. */
import type { Port } from '../../../src-shared/rpc.ts';

/** What is used of Electron's `MessagePortMain`; a test gives it Node's own ports in this form. */
export interface PortOfMessages {
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  postMessage(message: string): void;
  start(): void;
}

/** A port whose other end a page has. What is no text is left alone: our page sends none. */
export function messagePort(port: PortOfMessages): Port {
  return {
    post: (message) => port.postMessage(message),
    onMessage(listen) {
      port.on('message', ({ data }) => {
        if (typeof data === 'string') listen(data);
      });
      port.start();
    },
    onClose(listen) {
      port.on('close', listen);
    },
  };
}
